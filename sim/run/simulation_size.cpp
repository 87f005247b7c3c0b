#include "run/simulation_size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/diagnostics.hpp"
#include "plan/mapping.hpp"

namespace moesim {

namespace {

// Measured on builds of this program: runs with one and two thousand ranks in an expert-parallel
// group for the first, with 20,000 microbatches of four layers for the second.
constexpr double kBytesOfRoute = 22;    // per source and rank of an expert-parallel group
constexpr double kBytesOfTask = 48;     // per task of the record
constexpr double kTasksOfLayer = 8;     // per rank, in one direction
constexpr double kBytesOfChoices = 24;  // per expert and token of those that calibrate the routing
constexpr double kCalibrationTokens = 4096;

}  // namespace

std::vector<MemoryNeed> forecast_size(const Scenario& scenario) {
  std::vector<MemoryNeed> needs;
  const double experts = scenario.workload.experts, layers = scenario.workload.layers;
  needs.push_back({kBytesOfChoices * experts * kCalibrationTokens,
                   fmt::format("the choice among {} experts (workload.experts)", experts)});
  if (!scenario.platform.is_wafer_system()) {
    const Plan& plan = scenario.plan;
    const Pod& pod = scenario.platform.pod();
    const Mapping mapping = derive_mapping(plan, pod.gpus, pod.gpus_per_node, scenario.batch);
    const double ep = experts > 0 ? plan.ep : 0;
    needs.push_back({kBytesOfRoute * ep * ep,
                     fmt::format("who sends tokens to whom among {} ranks (plan.ep)", ep)});
    const double ranks = static_cast<double>(mapping.cell) * mapping.simulated_cells;
    needs.push_back(
        {kBytesOfTask * kTasksOfLayer * 2 * layers * mapping.microbatches * ranks,
         fmt::format("the tasks of {} microbatches in {:.0f} layers on {:.0f} simulated ranks of "
                     "each stage (batch.global_batch, plan.simulated_replicas)",
                     mapping.microbatches, layers, ranks)});
  }
  std::stable_sort(needs.begin(), needs.end(),
                   [](const MemoryNeed& a, const MemoryNeed& b) { return a.bytes > b.bytes; });
  return needs;
}

void refuse_beyond(const Scenario& scenario, double most_bytes) {
  if (most_bytes <= 0) return;
  const std::vector<MemoryNeed> needs = forecast_size(scenario);
  double bytes = 0;
  for (const MemoryNeed& need : needs) bytes += need.bytes;
  if (bytes <= most_bytes) return;
  throw RunError(
      fmt::format("this simulation needs about {:.3g} GB of memory, more than the {:.3g} GB that "
                  "it may take (--max-memory): {:.3g} GB for {}",
                  bytes / 1e9, most_bytes / 1e9, needs[0].bytes / 1e9, needs[0].of));
}

}  // namespace moesim
