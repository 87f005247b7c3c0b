// One scenario from structs to numbers: lower, simulate, summarise. Uses SimGrid, so once per process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/scenario.hpp"
#include "lower/step.hpp"
#include "metrics/step_report.hpp"
#include "record/record.hpp"

namespace moesim {

struct RunOptions {
  uint64_t seed = 1;
  std::string version;
  // False leaves out the lower bound and the critical path, a third of the time: for tables of many steps.
  bool explain = true;
  // Now and then while simulating: part of the step done, in [0, 1], and the simulated date.
  std::function<void(double done, double simulated_s)> on_progress;
  // Called once the mapping is known; what it throws stops the run before it has cost anything.
  std::function<void(const StepContext&)> before_simulation;
};

// The report and what a timeline is drawn from.
struct RunResult {
  StepReport report;
  std::unique_ptr<LoweredStep> step;
  Execution execution;
};

RunResult run_step(const Scenario& scenario, const RunOptions& options);

// "rank 12 · pp1 ep4 · node 1 gpu 4"
std::string rank_label(const StepContext& context, uint32_t simulated_rank);

}  // namespace moesim
