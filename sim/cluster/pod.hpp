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

  // Returns the part of what a device sustains over NVLink that a dispatcher reaches, where it
  // keeps only `kept` of it beside compute.
  double nvlink_share(const DispatcherCost& cost, int sms, double token_bytes,
                      double kept = 1) const {
    const double port = nvlink_bytes_per_s * nvlink_efficiency;
    return std::min(cost.nvlink_efficiency * kept,
                    cost.copied_bytes_per_s(sms, token_bytes) / port);
  }
};

}  // namespace moesim
