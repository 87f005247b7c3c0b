// One scenario under several seeds, each run in a process of its own: the spread of the step time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/statistics.hpp"
#include "batch/process_pool.hpp"
#include "config/scenario.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

struct SeedOptions {
  uint64_t first_seed = 1;
  std::string version;
  PoolOptions pool;
};

// Seeds first_seed, first_seed + 1, ...; the result depends on nothing else. Returns the report of
// the run in the middle (the lower one of two) with the spread over all runs in `runs`; nothing
// when it was interrupted. Throws RunError when a run fails.
std::optional<StepReport> run_seeds(const Scenario& scenario, const SeedOptions& options);

}  // namespace moesim
