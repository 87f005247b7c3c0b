#include "run/pod_memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.hpp"
#include "lower/routed_work.hpp"
#include "plan/shard.hpp"

namespace moesim {
namespace {

constexpr size_t kLargestShown = 10;

constexpr auto kVerbs =
    spell<OpKind::backward_weight>("forward", "backward", "backward", "weight gradients");

std::string moment_text(const StageMemoryNeed& need) {
  std::string text = fmt::format(
      "{} of microbatch {}", kVerbs[static_cast<size_t>(need.op.kind)].name, need.op.microbatch);
  if (need.op.chunk > 0) text += fmt::format(", chunk {}", need.op.chunk);
  return need.moment.empty() ? text : text + ": " + need.moment;
}

// Groups of ranks that NCCL connects; dispatchers with buffers of their own are counted apart.
int communicators(const Plan& plan, const Mapping& mapping) {
  const int exchange = traits(plan.dispatcher).own_costs() ? 1 : plan.ep;
  int count = 0;
  for (const int size :
       {plan.tp, plan.cp, exchange, plan.etp, plan.pp, mapping.dp * plan.cp, mapping.edp})
    count += size > 1;
  return count;
}

// Rows of each rank as the router's popularity has them, in copies per token; replicas share.
std::vector<double> expected_rows(const Router& router, int layer) {
  const ExpertPlacement& placement = router.placement(layer);
  const std::span<const double> loads = router.loads(layer);
  std::vector<int> replicas(loads.size(), 0);
  for (const int expert : placement.expert_of_slot) ++replicas[static_cast<size_t>(expert)];
  std::vector<double> rows(static_cast<size_t>(placement.ranks), 0);
  for (size_t slot = 0; slot < placement.expert_of_slot.size(); ++slot) {
    const auto expert = static_cast<size_t>(placement.expert_of_slot[slot]);
    rows[slot / static_cast<size_t>(placement.slots_per_rank)] += loads[expert] / replicas[expert];
  }
  return rows;
}

}  // namespace

double memory_outside_bytes(const ModelShape& model, const Pod& pod, const Plan& plan,
                            const Mapping& mapping, const Shard& shard) {
  double bytes = pod.device.context_bytes + pod.communicator_bytes * communicators(plan, mapping);
  if (plan.ep > 1 && model.experts > 0) {
    const DispatcherCost& cost = pod.dispatchers[plan.dispatcher];
    // The worst case: every token of the group comes to one rank.
    const double tokens = shard.local_tokens() * plan.ep * plan.etp;
    bytes += cost.buffer_bytes +
             cost.worst_case_copies * tokens * token_bytes(model, PrecisionRecipe::bf16);
  }
  return bytes;
}

std::vector<StageMemory> memory_rows(const Pod& pod, const Plan& plan, double outside_bytes,
                                     const std::vector<StageMemoryNeed>& needs) {
  std::vector<StageMemory> rows;
  for (const StageMemoryNeed& need : needs) {
    StageMemory row;
    row.stage = static_cast<int>(rows.size());
    row.parameters_bytes = need.state.parameters;
    row.gradients_bytes = need.state.gradients;
    row.optimizer_bytes = need.state.optimizer;
    row.buffers_bytes = need.buffers_bytes;
    row.activations_bytes = need.activations_bytes;
    row.total_bytes = need.total();
    row.reserved_bytes = row.total_bytes * plan.memory.fragmentation;
    row.outside_bytes = outside_bytes;
    row.capacity_bytes = pod.device.memory_bytes;
    row.reserve_bytes = pod.memory_reserve;
    // An allocator that runs out gives back what it only reserves.
    row.fits = row.missing_bytes() <= 0;
    const bool tight = row.reserved_bytes + outside_bytes > row.capacity_bytes - row.reserve_bytes;
    row.verdict = !row.fits ? "out_of_memory" : tight ? "tight" : "fits";
    row.moment = moment_text(need);
    for (size_t i = 0; i < std::min(need.held.size(), kLargestShown); ++i)
      row.largest.push_back({need.held[i].name, need.held[i].bytes, need.held[i].count});
    if (!row.fits && !row.largest.empty()) row.breaks_it = row.largest.front().name;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<double> expected_overload(const Scenario& scenario, const Shard& shard,
                                      const std::vector<ChunkContent>& chunks, uint64_t seed) {
  const Plan& plan = scenario.plan;
  const ModelShape& model = scenario.workload;
  std::vector<double> overload(static_cast<size_t>(plan.pp), 1.0);
  if (model.experts == 0) return overload;
  // Finding the distribution behind an overload takes longer than it is worth here.
  if (scenario.routing.target_overload > 0)
    return std::vector<double>(overload.size(), scenario.routing.target_overload);
  const int layers = model.layers + model.mtp_layers;
  const RoutingShape shape =
      routing_shape(model, plan, shard, scenario.platform.pod().gpus_per_node);
  const Router router(scenario.routing, shape, layers, seed);
  LoadStatistics loads(layers, plan.ep);
  for (int layer = 0; layer < layers; ++layer)
    if (has_experts(model, layer)) loads.add(layer, 1, expected_rows(router, layer), 1);
  const PipelineShape pipeline = pipeline_shape(plan);
  for (int stage = 0; stage < plan.pp; ++stage) {
    std::vector<int> held;
    for (int index = 0; index < pipeline.chunks; ++index) {
      const std::vector<int>& more = chunks[pipeline.slice({stage, index})].layers;
      held.insert(held.end(), more.begin(), more.end());
    }
    overload[static_cast<size_t>(stage)] = loads.overload_of(held);
  }
  return overload;
}

std::vector<StageMemory> forecast_memory(const Scenario& scenario, uint64_t seed) {
  const Pod& pod = scenario.platform.pod();
  const Plan& plan = scenario.plan;
  const ModelShape& model = scenario.workload;
  const Mapping mapping = derive_mapping(plan, pod.gpus, pod.gpus_per_node, scenario.batch);
  const Shard shard =
      derive_shard(model, plan, scenario.batch, scenario.routing.extra_slots(model.experts));
  const std::vector<ChunkContent> chunks = partition_layers(model, plan);
  const auto overload = expected_overload(scenario, shard, chunks, seed);
  return memory_rows(pod, plan, memory_outside_bytes(model, pod, plan, mapping, shard),
                     stage_memory(model, plan, mapping, shard, chunks, overload));
}

}  // namespace moesim
