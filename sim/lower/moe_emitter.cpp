#include "lower/moe_emitter.hpp"

#include <algorithm>

#include "lower/all_to_all.hpp"

namespace moesim {

// Some dispatchers read tokens where they are; others need them permuted into send order and back.
Kernels MoeEmitter::around_dispatch(OpEmitter::OpsOf ops, Phase phase) const {
  Kernels kernels = ops_.of(ops, phase);
  if (!traits(context_.plan.dispatcher).permutes)
    std::erase_if(kernels, [](const Kernel& kernel) {
      return kernel.op == Op::permute || kernel.op == Op::unpermute;
    });
  return kernels;
}

void MoeEmitter::shared_experts(int local, Phase phase) {
  if (context_.model.shared_ffn == 0) return;
  ops_.enter_tensor_region(local, phase);
  ops_.compute(shared_expert_ops, local, phase);
  ops_.leave_tensor_region(local, phase);
}

// Where the whole routed part runs again, the shared experts have been recomputed with it.
void MoeEmitter::shared_experts_backward(int local) {
  const RecomputePolicy policy = context_.plan.recompute_policy();
  if (policy.drops(RecomputeModule::shared_experts) && !policy.drops(RecomputeModule::moe))
    shared_experts(local, Phase::recompute);
  shared_experts(local, Phase::backward);
}

void MoeEmitter::expert_tensor(CollectiveKind kind, const char* op, int local, Phase phase) {
  // Rows of this rank, gathered over its expert tensor group.
  const double bytes = context_.shard.local_tokens() * context_.model.top_k * context_.plan.etp *
                       expert_width(context_.model) * 2;
  builder_.collective(
      {Stream::tp, op, local, phase}, context_.expert_tensor,
      [&](const std::vector<int>& group) { return ops_.equal_collective(kind, group, bytes); });
}

// Weight gradients and the activation, recomputed, use rows that the expert tensor group has
// gathered before. The rows of each expert come with the routing; those given here are the balanced
// ones, by which reports split the run into kernels.
void MoeEmitter::experts(ExpertKernels list, int local, Phase phase) {
  const bool travels = list != ExpertKernels::backward_weight && list != ExpertKernels::activation;
  if (travels) expert_tensor(CollectiveKind::all_gather, "etp all-gather", local, phase);
  const int count = context_.local_experts();
  const double rows = context_.shard.local_tokens() * context_.model.top_k * context_.plan.etp;
  const std::vector<int> nominal(count, static_cast<int>(rows / std::max(1, count)));
  builder_.routed_compute(expert_kernels(context_, list), static_cast<uint32_t>(list), nominal,
                          local, phase);
  if (travels) expert_tensor(CollectiveKind::reduce_scatter, "etp reduce-scatter", local, phase);
}

void MoeEmitter::expert_weight_gradients(int local) {
  experts(ExpertKernels::backward_weight, local, Phase::weight_gradient);
  ops_.compute(shared_expert_ops, local, Phase::weight_gradient);
}

void MoeEmitter::weight_gradients(int local) {
  ops_.compute(combine_ops, local, Phase::weight_gradient);
  expert_weight_gradients(local);
  ops_.compute(router_ops, local, Phase::weight_gradient);
}

Transfer MoeEmitter::dispatcher_transfer(const std::vector<int>& group, const Way& way,
                                         bool waits_for_counts, bool beside_compute) const {
  const AllToAll all_to_all(context_.fabric, first_rank_, group);
  Transfer transfer = context_.exchange_rates(all_to_all, token_bytes(context_.model, way.wire),
                                              way.reverse, waits_for_counts, beside_compute);
  transfer.ranks.assign(group.begin(), group.end());
  transfer.sm_share = context_.ep_sm_share;
  return transfer;
}

// The host waits for the counts of arriving tokens before it launches anything more, so that
// compute of the other microbatch, although independent, stands still meanwhile (dispatchers with
// a start-up of their own, unless a CUDA graph holds the whole step).
double MoeEmitter::preparation_s() const {
  const DispatcherCost& cost = context_.dispatcher_cost();
  return cost.startup_s + cost.host_s + cost.counts_s;
}

void MoeEmitter::prepare_dispatch(int local, Phase phase) {
  const double latency_s = preparation_s();
  if (latency_s <= 0) return;
  builder_.blocking_collective({Stream::ep, "dispatch preparation", local, phase}, context_.expert,
                               [latency_s](const std::vector<int>& group) {
                                 Transfer transfer;
                                 transfer.ranks.assign(group.begin(), group.end());
                                 transfer.latency_s = latency_s;
                                 return transfer;
                               });
}

void MoeEmitter::send(const Communication& what, const TemplateBuilder::MakeTransfer& make,
                      const Beside& beside) {
  if (!beside) return builder_.collective(what, context_.expert, make);
  const auto tasks = builder_.background_collective(what, context_.expert, make);
  beside();
  builder_.wait_for(tasks);
}

// Megatron-LM's all-gather dispatcher: independent of the routing, ep times the bytes of the
// tokens.
void MoeEmitter::gather_tokens(const Way& way, int local, Phase phase, const Beside& beside) {
  const double bytes =
      context_.shard.local_tokens() * context_.plan.ep * token_bytes(context_.model, way.wire);
  const CollectiveKind kind =
      way.reverse ? CollectiveKind::reduce_scatter : CollectiveKind::all_gather;
  const auto make = [&](const std::vector<int>& group) {
    Transfer transfer = ops_.equal_collective(kind, group, bytes);
    if (overlapped_ || beside)
      transfer.nic_rate = transfer.nvlink_rate = context_.pod.overlapped_efficiency;
    transfer.sm_share = context_.ep_sm_share;
    return transfer;
  };
  send({Stream::ep, way.op, local, phase}, make, beside);
}

// In an overlapped block the dispatcher's start-up, during which the host waits, is a transfer of
// its own in front; backward the counts are known from the forward pass.
void MoeEmitter::route(const Way& way, int local, Phase phase, const Beside& beside) {
  if (context_.plan.ep == 1) {
    if (beside) beside();
    return;
  }
  if (traits(context_.plan.dispatcher).path == TokenPath::gather_all)
    return gather_tokens(way, local, phase, beside);
  const bool counts = !way.reverse && phase != Phase::backward && !context_.plan.whole_step_graph();
  const bool prepares = overlapped_ && counts;
  if (prepares) prepare_dispatch(local, phase);
  const double bytes = token_bytes(context_.model, way.wire);
  const auto make = [&](const std::vector<int>& group) {
    Transfer transfer = dispatcher_transfer(group, way, counts, overlapped_ || beside);
    if (prepares) transfer.latency_s -= preparation_s();
    return transfer;
  };
  send({Stream::ep, way.op, local, phase, RoutedBytes{bytes, way.reverse}}, make, beside);
}

// Shared experts compute while the tokens travel where the plan overlaps them, and before
// otherwise.
Emission MoeEmitter::forward(int local, Phase phase) {
  const bool overlap = context_.plan.overlap_shared_expert;
  const Beside shared = [=, this] { shared_experts(local, phase); };
  builder_.compute(around_dispatch(router_ops, phase), local, phase);
  if (!overlap) shared();
  route({"dispatch", context_.plan.dispatch_precision}, local, phase, overlap ? shared : nullptr);
  co_await cut;
  experts(ExpertKernels::forward, local, phase);
  route({"combine", PrecisionRecipe::bf16, true}, local, phase);
  co_await cut;
  builder_.compute(around_dispatch(combine_ops, phase), local, phase);
}

// Gradients take the way of the tokens: out to the experts (as dispatch) and back (as combine).
// While they are on their way out, the weight gradients that the layer above put off are computed;
// on their way back, those of the experts.
Emission MoeEmitter::backward(int local) {
  const RecomputePolicy policy = context_.plan.recompute_policy();
  const bool overlap = context_.plan.overlap_shared_expert;
  const bool delays = ops_.weights() == WeightGradients::beside_communication;
  if (policy.drops(RecomputeModule::moe)) co_await forward(local, Phase::recompute);

  builder_.compute(around_dispatch(combine_ops, Phase::backward), local, Phase::backward);
  const Beside beside_combine = [=, this] {
    if (overlap) shared_experts_backward(local);
    ops_.flush_weight_gradients();
  };
  route({"combine backward", context_.plan.dispatch_precision}, local, Phase::backward,
        overlap || delays ? beside_combine : nullptr);
  co_await cut;

  if (policy.drops(RecomputeModule::moe_act) && !policy.drops(RecomputeModule::moe))
    experts(ExpertKernels::activation, local, Phase::backward);
  experts(ops_.weights() == WeightGradients::with_data ? ExpertKernels::backward
                                                       : ExpertKernels::backward_data,
          local, Phase::backward);
  ops_.delay([=, this] {
    experts(ExpertKernels::backward_weight, local, Phase::weight_gradient);
    if (overlap) ops_.compute(shared_expert_ops, local, Phase::weight_gradient);
  });
  const Beside beside_dispatch = [this] { ops_.flush_weight_gradients(); };
  route({"dispatch backward", PrecisionRecipe::bf16, true}, local, Phase::backward,
        delays ? beside_dispatch : nullptr);
  co_await cut;

  if (!overlap) {
    shared_experts_backward(local);
    ops_.delay_weights_of(shared_expert_ops, local);
  }
  builder_.compute(around_dispatch(router_ops, Phase::backward), local, Phase::backward);
  ops_.delay_weights_of(router_ops, local);
}

}  // namespace moesim
