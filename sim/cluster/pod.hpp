// A cluster of equal accelerators: scale-up domains (NVLink nodes or racks) joined by a scale-out
// fabric with one NIC per device on rail-optimised leaf and spine switches.
#pragma once

#include <algorithm>
#include <string>

#include "cluster/device.hpp"
#include "cluster/dispatcher.hpp"

namespace moesim {

// Bandwidths are per device and per direction, what a well-tuned transfer sustains (nominal x
// efficiency).
struct Pod {
  std::string name;
  Device device;
  int gpus = 0;           // devices in the cluster
  int gpus_per_node = 8;  // devices in one scale-up domain (8: HGX, 72: NVL72)
  double nvlink_bytes_per_s = 0;
  double nvlink_efficiency = 1;
  double nvlink_latency_s = 0;
  double nic_bytes_per_s = 0;
  double nic_efficiency = 1;
  double nic_latency_s = 0;        // through the leaf switch
  double nic_spine_latency_s = 0;  // added when a transfer crosses the spine
  int nodes_per_leaf = 32;  // nodes whose same-rail NICs meet in one leaf switch (a scalable unit)
  double oversubscription = 1;  // leaf downlinks : uplinks; 1 is non-blocking
  DispatcherCosts dispatchers;
  double communicator_bytes = 0;  // device memory that one communicator takes on each member
  double memory_reserve = 0;      // of a device's memory, not to be planned with
  // Dispatch and combine keep this part of their bandwidth while compute runs beside them on the
  // same devices and both want device memory.
  double overlapped_efficiency = 1;
  // Data-parallel collectives between nodes reach this part of what the NIC sustains within a step.
  double dp_nic_efficiency = 1;
  int collective_sms = 0;        // SMs that a data-parallel collective beside compute takes from it
  double message_startup_s = 0;  // software cost of starting one message of a collective
  double collective_startup_s = 0;  // software cost of launching one collective
  // Queue pairs that a device keeps busy on its NIC: of one collective, and to each peer of a
  // send, receive or all-to-all.
  double collective_queue_pairs = 1;
  double peer_queue_pairs = 1;
  // Bandwidth of the one link that joins two devices of a node, where each pair has its own (xGMI
  // meshes). 0: a switch joins them, and nvlink_bytes_per_s is what limits.
  double link_bytes_per_s = 0;

  // Returns the SMs that dispatch and combine occupy: `asked`, or, below 0, those that the library
  // takes unless told. One without costs of its own is launched as collectives are.
  int dispatch_sms(Dispatcher dispatcher, int asked) const {
    if (asked >= 0) return asked;
    return traits(dispatcher).own_costs() ? dispatchers[dispatcher].usual_sms : collective_sms;
  }

  // Returns the part of what a device sustains over NVLink that a dispatcher reaches, where it
  // keeps only `kept` of it beside compute.
  double nvlink_share(const DispatcherCost& cost, int sms, double token_bytes, double kept = 1,
                      bool combine = false) const {
    const double port = nvlink_bytes_per_s * nvlink_efficiency;
    return std::min(cost.nvlink_efficiency * kept,
                    cost.copied_bytes_per_s(sms, token_bytes, combine) / port);
  }
  // Returns the same of the NIC, in a group of this many nodes: tokens for the sender's own node
  // take its SMs as well, and no NIC.
  double nic_share(const DispatcherCost& cost, int sms, double token_bytes, int nodes,
                   double kept = 1, bool combine = false) const {
    const double port = nic_bytes_per_s * nic_efficiency;
    const double leaves = nodes > 1 ? (nodes - 1.0) / nodes : 1;
    return std::min(cost.nic_efficiency * kept,
                    cost.sent_bytes_per_s(sms, token_bytes, combine) * leaves / port);
  }
};

}  // namespace moesim
