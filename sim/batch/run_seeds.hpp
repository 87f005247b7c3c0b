// One scenario under several seeds, each run in a process of its own: the spread of the step time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/statistics.hpp"
#include "batch/process_pool.hpp"
#include "config/scenario.hpp"
#include "report/json.hpp"

namespace moesim {

struct SeedRuns {
  std::vector<double> step_s;  // by seed, from the first one on
  Distribution distribution;
  // Of the run in the middle (the lower one of two), as `moesim run` prints it.
  uint64_t median_seed = 0;
  std::string median_json, median_table, median_csv;
  bool median_fits = true;
  bool interrupted = false;  // then nothing else is filled
};

struct SeedOptions {
  uint64_t first_seed = 1;
  std::string version;
  JsonOptions json;
  PoolOptions pool;
};

// Seeds first_seed, first_seed + 1, ...; the result depends on nothing else. Throws RunError when a
// run fails.
SeedRuns run_seeds(const Scenario& scenario, const SeedOptions& options);

// The JSON of the median run and, behind it, `runs`: seeds, step times and their distribution.
std::string seed_runs_json(const SeedRuns& runs, uint64_t first_seed);

}  // namespace moesim
