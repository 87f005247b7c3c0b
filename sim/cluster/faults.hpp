// Lists what is wrong with a cluster while a step runs: slow devices, slow or dead links, kernels
// that do not always take the same time; of a wafer system also branches of SwarmX and nodes of
// MemoryX. Takes the request as the user wrote it; gives factors per device. Every draw is a pure
// function of (seed, device or task).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cluster/pod.hpp"

namespace moesim {

// Which devices: one by `rank`, one by `node` and `gpu`, or all of a `node`. -1: not given. A wafer
// is a device and has a rank alone.
struct FaultyPlace {
  int rank = -1;
  int node = -1;
  int gpu = -1;
};

struct DeviceFault {
  FaultyPlace place;
  // It holds for every kernel, against a sound device: a throttled clock, a sick memory. 0: a lost
  // wafer, whose sequences go to the others.
  double speed = 1;
};

// Fractions of the bandwidth, both ways. A NIC of 0 is dead: its traffic goes over the next one of
// the node that works. The NIC of a wafer is the I/O of its system.
struct LinkFault {
  FaultyPlace place;
  double nic = 1;
  double nvlink = 1;
};

// A branch of the SwarmX tree: a node and its link towards MemoryX, both ways.
struct BranchFault {
  int level = 0;         // 0 is the root
  int node = 0;          // within the level
  double bandwidth = 1;  // the fraction that is left; 0: the wafers below are lost
};

// One of the nodes among which MemoryX deals weights and optimizer.
struct StoreFault {
  int node = 0;
  double speed = 1;  // of its links and its memory against a sound node; 0: lost
};

struct FaultSpec {
  std::vector<DeviceFault> devices;
  std::vector<LinkFault> links;
  std::vector<BranchFault> swarmx;
  std::vector<StoreFault> memoryx;
  double device_spread =
      0;  // coefficient of variation of the time that equal devices take for the same work
  double straggler_probability = 0;  // of each device ...
  double straggler_speed = 1;        // ... to run at this speed
  double kernel_jitter = 0;          // coefficient of variation of the time of one kernel

  bool slows_some_devices() const {
    return !devices.empty() || device_spread > 0 || straggler_probability > 0;
  }
  bool any() const {
    return slows_some_devices() || !links.empty() || !swarmx.empty() || !memoryx.empty() ||
           kernel_jitter > 0;
  }
};

// "rank 5 at 80 %, NIC of node 2 gpu 1 dead, kernels vary by 5 %"; empty without faults. Of wafers
// "wafer 5 lost, I/O of wafer 3 at 50 %".
std::string describe(const FaultSpec& faults, bool wafers = false);

bool covers(const FaultyPlace& place, int global_rank, int gpus_per_node);

// Speed of a device against nominal: what is said of it times what is drawn for it.
double device_speed(const FaultSpec& faults, int gpus_per_node, int global_rank, uint64_t seed);

struct LinkHealth {
  double nic = 1;
  double nvlink = 1;
};
LinkHealth link_health(const FaultSpec& faults, int gpus_per_node, int global_rank);

// Log-normal with mean 1 and this coefficient of variation, from a standard normal.
double lognormal_factor(double variation, double normal);

}  // namespace moesim
