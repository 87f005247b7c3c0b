// Answers a question of capacity: searches the mapping of each candidate machine and count,
// simulates the winner whole, and says what the training takes on each. Results are kept in a
// folder where one is named, so that a second call simulates nothing twice.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "capacity/cost.hpp"

namespace moesim {

struct CapacityOptions {
  std::string folder;  // empty: nothing is kept
  double time_s = 0;   // for the estimates of all candidates together; 0: as the file says
  uint64_t seed = 1;
  std::string version;
  int jobs = 1;
  std::function<void(const std::string&)> on_progress;
};

// Says what more of one quantity would bring, by simulation.
struct Upgrade {
  std::string quantity;  // "NIC bandwidth"
  double step_time_s = 0;
};

struct CapacityResult {
  CapacityFile file;
  std::string workload, batch;  // in words
  std::vector<CapacityRow> rows;
  std::vector<size_t> pareto;
  std::optional<size_t> smallest, best;
  std::vector<Upgrade> upgrades;  // of the best row: each with 10 % more
  int stored = 0;                 // rows that an earlier call had found
  int unfinished = 0;             // rows whose search ran out of time
  bool interrupted = false;
};

inline constexpr double kUpgrade = 0.1;

// Throws InputError for the file, RunError when results cannot be kept.
CapacityResult plan_capacity(const CapacityStudy& study, const std::string& path,
                             const CapacityOptions& options);

}  // namespace moesim
