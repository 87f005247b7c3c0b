#include "explain/causes.hpp"

#include <fmt/format.h>

#include <bit>

#include "base/check.hpp"

namespace moesim {

namespace {

bool overlaps_blocks(const Plan& plan) {
  return traits(plan.schedule).dual || traits(plan.schedule).listed;
}

Cause overlap_of(const Plan& plan) {
  Cause cause{"overlap", {}, ""};
  const auto off = [&cause](bool on, const char* set) {
    if (on) cause.off.emplace_back(set);
  };
  off(plan.ep_overlap, "plan.ep_overlap=false");
  off(overlaps_blocks(plan) && plan.overlap_blocks, "plan.overlap_blocks=false");
  off(plan.delay_wgrad, "plan.delay_wgrad=false");
  off(plan.overlap_shared_expert, "plan.overlap_shared_expert=false");
  off(plan.overlap_grad_reduce, "plan.overlap_grad_reduce=false");
  off(plan.overlap_param_gather && plan.zero_stage != 0, "plan.overlap_param_gather=false");
  off(plan.cp > 1 && plan.cp_kind == CpKind::ring, "plan.cp_kind=all_gather");
  return cause;
}

// Streams hide behind compute as far as the windows of the wafer let them run ahead.
Cause windows_of_wafers() {
  return {"prefetch",
          {"platform.prefetch_bytes=1e15", "platform.gradient_buffer_bytes=1e15"},
          "prefetch window and gradient buffer without limit"};
}

}  // namespace

std::vector<Cause> causes_of(const Scenario& scenario) {
  const bool wafers = scenario.platform.is_wafer_system();
  std::vector<Cause> causes;
  causes.push_back(wafers ? windows_of_wafers() : overlap_of(scenario.plan));
  Cause contention{"contention", {}, ""};
  if (scenario.plan.transport != Transport::uncontended) {
    contention.off = {"plan.transport=uncontended"};
    if (!wafers && scenario.platform.pod().overlapped_efficiency < 1)
      contention.off.emplace_back("platform.overlapped_efficiency=1");
  }
  causes.push_back(contention);
  Cause imbalance{"imbalance", {}, ""};
  if (scenario.workload.experts > 0 && scenario.routing.kind != RoutingKind::balanced &&
      scenario.routing.kind != RoutingKind::in_turn)
    imbalance.off = {"routing.kind=balanced"};
  causes.push_back(imbalance);
  // A batch that only the wafers left divide has no step without faults.
  const bool sound_divides =
      !wafers || scenario.batch.global_batch % scenario.platform.wafers().systems == 0;
  if (scenario.faults.any() && sound_divides) {
    causes.push_back({"faults",
                      {"faults.devices=[]", "faults.links=[]", "faults.device_spread=0",
                       "faults.straggler_probability=0", "faults.kernel_jitter=0"},
                      "no faults"});
    if (wafers)
      for (const char* set : {"faults.swarmx=[]", "faults.memoryx=[]"})
        causes.back().off.emplace_back(set);
  }
  for (Cause& cause : causes)
    if (cause.described.empty()) cause.described = fmt::format("{}", fmt::join(cause.off, ", "));
  return causes;
}

std::vector<double> shapley_values(std::span<const double> step_s, int causes) {
  MOESIM_CHECK(step_s.size() == size_t{1} << causes, "{} steps for {} causes", step_s.size(),
               causes);
  // |S|! (n - |S| - 1)! / n!
  const auto weight = [causes](int others_on) {
    double value = 1.0 / causes;
    for (int i = 1; i <= others_on; ++i) value *= static_cast<double>(i) / (causes - i);
    return value;
  };
  std::vector<double> values(static_cast<size_t>(causes), 0.0);
  for (int cause = 0; cause < causes; ++cause)
    for (unsigned mask = 0; mask < step_s.size(); ++mask) {
      const unsigned bit = 1u << cause;
      if (mask & bit) continue;
      values[static_cast<size_t>(cause)] +=
          weight(std::popcount(mask)) * (step_s[mask | bit] - step_s[mask]);
    }
  return values;
}

}  // namespace moesim
