#include "run/pod_program.hpp"

#include <fmt/format.h>

#include "lower/step.hpp"
#include "plan/stage_memory.hpp"
#include "run/memory_over_time.hpp"
#include "run/pod_memory.hpp"

namespace moesim {

namespace {

constexpr size_t kMostSampleRanks = 16;

std::string folded_text(const StepContext& context) {
  const Mapping& mapping = context.mapping;
  if (mapping.simulated_cells == mapping.cells) return "";
  return fmt::format(
      "{} of {} data-parallel replicas of {} ranks per stage simulated, {} of {} devices{}",
      mapping.simulated_cells, mapping.cells, mapping.cell, context.fabric.ranks.size(),
      mapping.world,
      mapping.alike
          ? ""
          : "; replicas do not line up with nodes alike: those over most nodes simulated");
}

std::string fidelity_text(const Plan& plan) {
  return fmt::format("all-to-all {}, transport {}", spelling(plan.all_to_all),
                     spelling(plan.transport));
}

std::vector<double> overload_by_stage(const StepContext& context, const LoadStatistics& loads) {
  std::vector<double> overload;
  for (int stage = 0; stage < context.plan.pp; ++stage) {
    std::vector<int> layers;
    for (int index = 0; index < context.pipeline.chunks; ++index) {
      const std::vector<int>& more = context.chunk(stage, index).layers;
      layers.insert(layers.end(), more.begin(), more.end());
    }
    overload.push_back(loads.overload_of(layers));
  }
  return overload;
}

std::vector<double> rank_weights(const StepContext& context) {
  const Mapping& mapping = context.mapping;
  std::vector<double> weights;
  for (size_t rank = 0; rank < context.fabric.ranks.size() && !mapping.cell_weights.empty(); ++rank)
    weights.push_back(mapping.cell_weights[rank / mapping.cell % mapping.simulated_cells]);
  return weights;
}

class PodProgram : public LoweredProgramOf<LoweredStep> {
 public:
  using LoweredProgramOf::LoweredProgramOf;
  const Fabric& fabric() const override { return step().context.fabric; }
  bool has_pipeline() const override { return true; }

  ProgramFacts facts() const override {
    const StepContext& context = step().context;
    ProgramFacts facts;
    facts.devices = context.mapping.world;
    facts.global_batch = context.input.batch.global_batch;
    facts.peak_flops = peak_flops(context.pod.device, gemm_precision(context.plan.precision));
    facts.fidelity = fidelity_text(context.plan);
    facts.folded = folded_text(context);
    facts.rank_weights = rank_weights(context);
    facts.nvlink_bytes_per_s = context.pod.nvlink_bytes_per_s * context.pod.nvlink_efficiency;
    facts.nic_bytes_per_s = context.pod.nic_bytes_per_s * context.pod.nic_efficiency;
    return facts;
  }

  std::vector<StageMemory> memory(const LoadStatistics& loads) const override {
    const StepContext& context = step().context;
    needs_ = stage_memory(context.model, context.plan, context.mapping, context.shard,
                          context.chunks, overload_by_stage(context, loads));
    return memory_rows(context.pod, context.plan,
                       memory_outside_bytes(context.model, context.pod, context.plan,
                                            context.mapping, context.shard),
                       needs_);
  }

  std::vector<std::vector<MemoryMoment>> memory_over_time(const Record& record) const override {
    if (needs_.empty()) return {};
    return moesim::memory_over_time(program(), record, step().context, needs_);
  }

  int rank_number(uint32_t rank) const override { return fabric().ranks[rank].global_rank; }

  // "rank 12 · pp1 ep4 · node 1 gpu 4"
  std::string rank_label(uint32_t rank) const override {
    const Mapping& mapping = step().context.mapping;
    const Plan& plan = step().context.plan;
    const RankPlace& place = fabric().ranks[rank];
    const int local = place.global_rank % mapping.ranks_per_stage % mapping.cell;
    std::string label = fmt::format("rank {} ·", place.global_rank);
    if (plan.pp > 1) label += fmt::format(" pp{}", place.global_rank / mapping.ranks_per_stage);
    if (plan.tp > 1) label += fmt::format(" tp{}", local % plan.tp);
    if (plan.ep > 1) label += fmt::format(" ep{}", local / plan.etp % plan.ep);
    return label + fmt::format(" · node {} gpu {}", place.node, place.gpu);
  }

  // One rank of each stage, or of each node where there is one stage.
  std::vector<uint32_t> sample_ranks() const override {
    const Mapping& mapping = step().context.mapping;
    const auto stage_ranks = static_cast<uint32_t>(mapping.simulated_cells * mapping.cell);
    std::vector<uint32_t> ranks;
    int node = -1;
    for (uint32_t rank = 0; rank < fabric().ranks.size() && ranks.size() < kMostSampleRanks;
         ++rank) {
      const bool first_of_stage = rank % stage_ranks == 0;
      const bool first_of_node = step().context.plan.pp == 1 && fabric().ranks[rank].node != node;
      node = fabric().ranks[rank].node;
      if (first_of_stage || first_of_node) ranks.push_back(rank);
    }
    return ranks;
  }

 private:
  mutable std::vector<StageMemoryNeed> needs_;  // as memory() found them
};

}  // namespace

std::unique_ptr<LoweredProgram> lower_for_pod(const Scenario& scenario, uint64_t seed) {
  return std::make_unique<PodProgram>(
      lower_step({scenario.workload, scenario.platform.pod(), scenario.plan, scenario.routing,
                  scenario.batch, seed, scenario.faults}));
}

}  // namespace moesim
