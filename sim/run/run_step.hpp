// One scenario from structs to numbers: lower, simulate, summarise. Uses SimGrid, so once per
// process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/scenario.hpp"
#include "graph/record.hpp"
#include "lower/step.hpp"
#include "metrics/step_report.hpp"
#include "wafer/step.hpp"

namespace moesim {

struct RunOptions {
  uint64_t seed = 1;
  std::string version;
  // Leaves out what comes after the breakdown and the memory: lower bound, critical path,
  // resources, facts.
  bool step_time_only = false;
  // Now and then while simulating: part of the step done, in [0, 1], and the simulated date.
  std::function<void(double done, double simulated_s)> on_progress;
  // Called once the mapping is known; what it throws stops the run before it has cost anything.
  std::function<void(const StepContext&)> before_simulation;
  std::function<void(const WaferContext&)> before_wafer_simulation;  // the same on a wafer system
};

// The report and what a timeline is drawn from.
struct RunResult {
  StepReport report;
  std::unique_ptr<LoweredStep> step;             // on a pod
  std::unique_ptr<LoweredWaferStep> wafer_step;  // on a wafer system
  Execution execution;
};

RunResult run_step(const Scenario& scenario, const RunOptions& options);

// "rank 12 · pp1 ep4 · node 1 gpu 4"
std::string rank_label(const StepContext& context, uint32_t simulated_rank);

}  // namespace moesim
