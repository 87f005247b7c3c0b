#include "lower/expert_shuffle.hpp"

#include <algorithm>

#include "lower/all_to_all.hpp"
#include "lower/routed_work.hpp"
#include "model/parameters.hpp"

namespace moesim {

bool rearranges_experts(const RoutingSpec& routing) {
  const bool by_load =
      routing.placement == Placement::eplb || routing.placement == Placement::eplb_global;
  return by_load && routing.step > 0 && routing.step % std::max(routing.placement_period, 1) == 0;
}

std::vector<double> moved_bytes(const ExpertPlacement& before, const ExpertPlacement& after,
                                int experts, double bytes_per_expert, int ranks_per_node) {
  std::vector<std::vector<int>> holders(experts);
  for (int slot = 0; slot < before.slots(); ++slot)
    holders[before.expert_of_slot[slot]].push_back(slot / before.slots_per_rank);
  const int ranks = after.ranks;
  std::vector<double> bytes(static_cast<size_t>(ranks) * ranks, 0.0), sent(ranks, 0.0);
  for (int slot = 0; slot < after.slots(); ++slot) {
    const int rank = slot / after.slots_per_rank;
    const std::vector<int>& from = holders[after.expert_of_slot[slot]];
    if (std::find(from.begin(), from.end(), rank) != from.end()) continue;
    const int source = *std::min_element(from.begin(), from.end(), [&](int a, int b) {
      const bool a_far = a / ranks_per_node != rank / ranks_per_node,
                 b_far = b / ranks_per_node != rank / ranks_per_node;
      return a_far != b_far ? b_far : sent[a] < sent[b];
    });
    sent[source] += bytes_per_expert;
    bytes[static_cast<size_t>(source) * ranks + rank] += bytes_per_expert;
  }
  return bytes;
}

struct ExpertShuffle::Placements {
  Router before, after;
};

namespace {
RoutingSpec a_period_earlier(RoutingSpec routing) {
  routing.step -= std::max(routing.placement_period, 1);
  return routing;
}

// Parameters in bf16, master weight and moments. What lies sharded over an expert's replicas
// travels shard by shard.
double bytes_per_expert(const StepContext& context, int layer) {
  const Plan& plan = context.plan;
  const double parameters =
      layer_parameters(context.model, layer).experts / context.model.experts / plan.etp;
  const double replicas = context.mapping.edp * context.pipeline.copies();
  const double state = 4 + 2 * plan.adam_moment_bytes();
  return parameters *
         (2 / (plan.zero_stage == 3 ? replicas : 1) + state / (plan.zero_stage > 0 ? replicas : 1));
}
}  // namespace

ExpertShuffle::ExpertShuffle(const StepContext& context, uint64_t seed) : context_(context) {
  const int layers = context.model.layers + context.model.mtp_layers;
  const RoutingShape shape = routing_shape(context);
  const RoutingSpec& now = context.input.routing;
  placements_ = std::make_unique<Placements>(Placements{
      Router(a_period_earlier(now), shape, layers, seed), Router(now, shape, layers, seed)});
}

ExpertShuffle::~ExpertShuffle() = default;

void ExpertShuffle::emit(TemplateBuilder& builder, int first_rank,
                         std::span<const int> layers) const {
  for (size_t i = 0; i < layers.size(); ++i) {
    const int layer = layers[i];
    if (!has_experts(context_.model, layer)) continue;
    ByteMatrix matrix;
    matrix.ranks = context_.plan.ep;
    matrix.bytes =
        moved_bytes(placements_->before.placement(layer), placements_->after.placement(layer),
                    context_.model.experts, bytes_per_expert(context_, layer),
                    placements_->after.shape().ranks_per_node);
    if (std::all_of(matrix.bytes.begin(), matrix.bytes.end(),
                    [](double bytes) { return bytes == 0; }))
      continue;
    builder.collective({Stream::ep, "expert shuffle", static_cast<int>(i), Phase::parameter_gather},
                       context_.expert, [&](const std::vector<int>& group) {
                         const AllToAll all_to_all(context_.fabric, first_rank, group);
                         Transfer transfer;
                         for (int rank : group)
                           transfer.ranks.push_back(static_cast<uint32_t>(rank));
                         transfer.latency_s =
                             context_.pod.collective_startup_s + all_to_all.latency_s();
                         all_to_all.port_balanced(matrix, transfer.flows);
                         return transfer;
                       });
  }
  builder.exit(0);
}

}  // namespace moesim
