#include "run/invariants.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/diagnostics.hpp"

namespace moesim {

namespace {

constexpr double kRounding = 1e-6;  // relative, of sums over millions of tasks

class Broken {
 public:
  // NaN is in no range.
  void outside(const std::string& name, double value, double low, double high) {
    if (!(value >= low && value <= high))
      sentences_.push_back(
          fmt::format("{} is {:.9g}, not from {:.9g} to {:.9g}", name, value, low, high));
  }
  std::vector<std::string> take() { return std::move(sentences_); }

 private:
  std::vector<std::string> sentences_;
};

void check_goodput(Broken& broken, const std::string& name, const Goodput& goodput) {
  const double sum = goodput.fraction + goodput.checkpoint_fraction + goodput.lost_fraction +
                     goodput.restart_fraction;
  for (const double part : {goodput.fraction, goodput.checkpoint_fraction, goodput.lost_fraction,
                            goodput.restart_fraction, goodput.ci95_low, goodput.ci95_high})
    broken.outside(name + ": a part of the time", part, 0, 1 + kRounding);
  // The end of the run cuts off a part of a step, so that they may sum to less.
  broken.outside(name + ": the parts of the time", sum, 0, 1 + kRounding);
}

void check_memory(Broken& broken, const StageMemory& stage) {
  const std::string name = fmt::format("memory of stage {}", stage.stage);
  for (const double bytes :
       {stage.parameters_bytes, stage.gradients_bytes, stage.optimizer_bytes,
        stage.activations_bytes, stage.total_bytes, stage.buffers_bytes, stage.outside_bytes})
    broken.outside(name, bytes, 0, 1e18);
}

}  // namespace

std::vector<std::string> broken_invariants(const StepReport& report) {
  Broken broken;
  const double step_s = report.step_time_s, slack_s = kRounding * step_s;
  broken.outside("step_time_s", step_s, 1e-12, 1e300);
  broken.outside("tokens_per_s", report.tokens_per_s, 0, 1e18);
  broken.outside("mfu", report.mfu, 0, 1);
  for (const BreakdownPart& part : kBreakdownParts)
    broken.outside(fmt::format("breakdown_s.{}", part.figure.key), report.breakdown_s.*part.seconds,
                   -slack_s, step_s + slack_s);
  broken.outside("the sum of breakdown_s", report.breakdown_s.total(), step_s - slack_s,
                 step_s + slack_s);
  broken.outside("lower_bound_s", report.lower_bound_s, 0, step_s);
  for (const PipelineStage& stage : report.pipeline)
    broken.outside(fmt::format("bubble_s of stage {}", stage.stage), stage.bubble_s, -slack_s,
                   step_s + slack_s);
  for (const ResourceUse& use : report.resources)
    broken.outside("busy_fraction of " + use.name, use.busy_fraction, 0, 1 + kRounding);
  broken.outside("energy_j", report.energy_j, 0, 1e30);
  broken.outside("overload_factor", report.overload_factor, 1 - kRounding, 1e9);
  for (const StageMemory& stage : report.memory) check_memory(broken, stage);
  if (report.goodput) {
    check_goodput(broken, "goodput", report.goodput->asked);
    check_goodput(broken, "goodput at Daly's interval", report.goodput->optimum);
  }
  return broken.take();
}

void check_invariants(const StepReport& report) {
  const std::vector<std::string> broken = broken_invariants(report);
  if (broken.empty()) return;
  throw RunError(fmt::format(
      "the result cannot be right, so it is not shown: {}. This is a bug of moesim: please report "
      "it with the scenario, its --set options, seed {} and version {}",
      fmt::join(broken, "; "), report.seed, report.moesim_version));
}

}  // namespace moesim
