// Finds what bounds a step by simulating it again and again: with each quantity a little less and
// a little more, and with everything switched off that the closed-form model does not know. Runs go
// through a batch, so that they share cores, show progress, and an interrupted explanation goes on
// where it stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "batch/process_pool.hpp"
#include "batch/sweep.hpp"
#include "metrics/explanation.hpp"

namespace moesim {

struct ExplainOptions {
  std::string scenario_path;
  std::vector<std::string> sets;
  uint64_t seed = 1;
  double change = 0.1;
  std::string version;
  std::string folder;  // keeps the runs; empty: a temporary one
  PoolOptions pool;
};

// All runs that an explanation needs; the first is the scenario as it is.
std::vector<StudyRun> explain_runs(const ExplainOptions& options);

// Nothing when interrupted. Throws InputError for a scenario that is not sound and RunError when a
// run fails.
std::optional<Explanation> explain(const ExplainOptions& options);

}  // namespace moesim
