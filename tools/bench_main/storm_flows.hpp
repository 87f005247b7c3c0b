// What both programs of the storm move: an equal all-to-all on the ideal pod (8 per node at 450
// GB/s, NICs at 50 GB/s).
#pragma once

#include <numeric>
#include <vector>

#include "cluster/fabric.hpp"
#include "lower/all_to_all.hpp"
#include "storm.hpp"

namespace moesim::bench {

inline Fabric storm_fabric(const Storm& storm) {
  Pod pod;
  pod.gpus = storm.ranks;
  pod.nvlink_bytes_per_s = 450e9;
  pod.nic_bytes_per_s = 50e9;
  std::vector<int> ranks(storm.ranks);
  std::iota(ranks.begin(), ranks.end(), 0);
  return build_fabric(pod, ranks);
}

inline std::vector<Flow> storm_flows(const Storm& storm, const Fabric& fabric) {
  std::vector<int> members(storm.ranks);
  std::iota(members.begin(), members.end(), 0);
  ByteMatrix matrix;
  matrix.reset(storm.ranks);
  matrix.bytes.assign(matrix.bytes.size(), storm.bytes_per_rank / storm.ranks);
  std::vector<Flow> flows;
  AllToAll(fabric, 0, members).port_balanced(matrix, flows);
  return flows;
}

}  // namespace moesim::bench
