// One simulation from a scenario to its report: lower, simulate, summarise. It uses SimGrid, so
// once per process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/scenario.hpp"
#include "graph/record.hpp"
#include "metrics/step_report.hpp"
#include "run/lowered_program.hpp"

namespace moesim {

struct RunOptions {
  uint64_t seed = 1;
  std::string version;
  // Leaves out what comes after the breakdown and the memory: lower bound, critical path,
  // resources, facts.
  bool step_time_only = false;
  double most_memory_bytes = 0;  // what needs more is refused before it starts; 0: no limit
  // Called now and then while simulating: the part of the step done, in [0, 1], and the simulated
  // date.
  std::function<void(double done, double simulated_s)> on_progress;
  // Called once the program is lowered; what it throws stops the run before it has cost much.
  std::function<void(const LoweredProgram&)> before_simulation;
};

// The report, and what a timeline is drawn from.
struct RunResult {
  StepReport report;
  std::unique_ptr<LoweredProgram> lowered;
  Execution execution;
};

// Throws RunError when the program cannot go on (a deadlock of the schedule).
RunResult run_step(const Scenario& scenario, const RunOptions& options);

}  // namespace moesim
