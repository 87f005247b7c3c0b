// One collective alone on a platform: how long, how many flows, and the bound below which no
// algorithm can be. Uses SimGrid, so once per process.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/pod.hpp"
#include "graph/record.hpp"
#include "plan/plan.hpp"

namespace moesim {

struct CollectiveRequest {
  std::string collective;  // all-to-all, all-reduce, reduce-scatter, all-gather, broadcast, send
  int gpus = 0;
  double bytes =
      0;  // all-to-all: sent by each device, its own share included; others: the whole buffer
  CollectiveAlgorithm form = CollectiveAlgorithm::automatic;
  Transport transport = Transport::flows;
  double skew =
      0;  // all-to-all: log-normal sigma of what each destination gets, perturbed by each source
  uint64_t seed = 1;
};

struct CollectiveReport {
  CollectiveRequest request;
  std::string platform, form, simgrid_version;
  double time_s = 0;
  double lower_bound_s = 0;
  double bandwidth_bytes_per_s = 0;  // bytes / time
  Execution execution;
  double wall_s = 0;
  int64_t peak_rss_bytes = 0;
};

// Throws InputError for a collective, form or size that does not exist.
CollectiveReport run_collective(const Pod& pod, const CollectiveRequest& request);

std::string collective_json(const CollectiveReport& report);
std::string collective_table(const CollectiveReport& report);

}  // namespace moesim
