#include "plan/stage_memory.hpp"

#include <algorithm>

namespace moesim {

namespace {

struct ChunkNeed {
  StateBytes state;
  int layers = 1;
  double saved = 0;      // per microbatch in flight
  double workspace = 0;  // once
};

ChunkNeed chunk_need(const ModelShape& shape, const Plan& plan, const StateSharding& sharding,
                     const Shard& shard, const ChunkContent& chunk, double rows) {
  ChunkNeed need;
  const RecomputePolicy policy = plan.recompute_policy();
  need.layers = std::max(1, static_cast<int>(chunk.layers.size()));
  double largest_layer = 0;
  for (int layer : chunk.layers) {
    need.state += layer_state_bytes(shape, layer, sharding);
    need.saved += layer_activation_bytes(shape, layer, shard, policy, rows);
    if (layer >= shape.layers) {
      need.saved += mtp_projection_activation_bytes(shape, shard);
      need.workspace +=
          output_activation_bytes(shape, shard);  // its logits are alive beside the main ones
    }
    largest_layer =
        std::max(largest_layer, layer_workspace_bytes(shape, layer, shard, policy, rows));
  }
  need.workspace += largest_layer;
  if (chunk.embedding) need.state += embedding_state_bytes(shape, sharding);
  if (chunk.loss) {
    need.state += output_state_bytes(shape, sharding);
    need.workspace += output_activation_bytes(shape, shard);
  }
  return need;
}

}  // namespace

std::vector<StageMemoryNeed> stage_memory(const ModelShape& shape, const Plan& plan,
                                          const Mapping& mapping, const Shard& shard,
                                          const std::vector<ChunkContent>& chunks,
                                          std::span<const double> overload) {
  StateSharding sharding;
  sharding.tp = plan.tp;
  sharding.ep = plan.ep;
  sharding.etp = plan.etp;
  const PipelineShape pipeline = pipeline_shape(plan);
  sharding.dp = mapping.dp * plan.cp * pipeline.copies();
  sharding.edp = mapping.edp * pipeline.copies();
  if (shape.experts > 0 && shard.local_experts > 0)
    sharding.slots_per_expert = static_cast<double>(shard.local_experts) * plan.ep / shape.experts;
  sharding.zero_stage = plan.zero_stage;
  sharding.gradient_bytes = plan.gradient_bytes;
  sharding.moment_bytes = plan.moment_bytes;

  const auto schedule = make_schedule(plan, mapping.microbatches);
  std::vector<StageMemoryNeed> stages;
  for (int stage = 0; stage < plan.pp; ++stage) {
    const double rows = shard.local_tokens() * shape.top_k * plan.etp * overload[stage];
    std::vector<ChunkNeed> needs;
    StageMemoryNeed& result = stages.emplace_back();
    double workspace = 0, live = 0, peak = 0;
    for (int index = 0; index < pipeline.chunks; ++index) {
      const ChunkContent& chunk = chunks[pipeline.slice({stage, index})];
      needs.push_back(chunk_need(shape, plan, sharding, shard, chunk, rows));
      result.state += needs.back().state;
      workspace = std::max(workspace, needs.back().workspace);
    }
    const StageOps& ops = schedule[stage];
    for (size_t i = 0; i < ops.size(); ++i) {
      const ChunkNeed& need = needs[ops[i].chunk];
      if (ops[i].overlaps_next && plan.overlap_blocks) {
        // A forward fills layer by layer what the backward beside it gives back: one layer is held
        // twice.
        peak = std::max(peak, live + need.saved / need.layers);
        live += need.saved - needs[ops[++i].chunk].saved;
      } else {
        // A forward's activations are held until its weight gradients are done.
        if (ops[i].forward()) live += need.saved;
        if (ops[i].gives_weight_gradients()) live -= need.saved;
      }
      peak = std::max(peak, live);
    }
    result.activations_bytes = peak + workspace;
  }
  return stages;
}

}  // namespace moesim
