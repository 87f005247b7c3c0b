#include "lower/layer_emitter.hpp"

#include <algorithm>

#include "lower/all_to_all.hpp"

namespace moesim {

namespace {

void append(Kernels& to, const Kernels& from) { to.insert(to.end(), from.begin(), from.end()); }

// Keys and values of this rank's tokens, bf16, as context parallelism passes them on.
double kv_bytes(const StepContext& context) {
  const ModelShape& m = context.model;
  const double tokens = static_cast<double>(context.shard.gemm_tokens());
  const int tp = context.plan.tp;
  const double width = m.attention == AttentionKind::mla
                           ? static_cast<double>(m.heads) / tp * (m.qk_nope_dim + m.qk_rope_dim + m.v_dim)
                           : std::max(1.0, static_cast<double>(m.kv_heads) / tp) * 2 * m.head_dim;
  return tokens * width * 2;
}

void add_dispatcher_cost(const StepContext& context, const AllToAll& group, Transfer& transfer) {
  const Pod& pod = context.pod;
  const Dispatcher dispatcher = context.plan.dispatcher;
  transfer.latency_s = group.latency_s();
  if (dispatcher == Dispatcher::nccl) {
    transfer.latency_s += pod.collective_startup_s + pod.message_startup_s * group.messages(false);
    return;
  }
  const DispatcherCost& cost = dispatcher == Dispatcher::deepep ? pod.deepep : pod.hybridep;
  transfer.latency_s += cost.startup_s;
  transfer.nic_rate = cost.nic_efficiency;
  transfer.nvlink_rate = cost.nvlink_efficiency;
}

}  // namespace

Kernels LayerEmitter::of(OpsOf ops, Phase phase) const {
  if (phase != Phase::backward) return ops(context_.model, context_.shard, Pass::forward);
  Kernels kernels = ops(context_.model, context_.shard, Pass::backward_data);
  append(kernels, ops(context_.model, context_.shard, Pass::backward_weight));
  return kernels;
}

// Dispatchers other than plain NCCL read tokens where they are; only NCCL needs them permuted into send order
// and back.
Kernels LayerEmitter::around_dispatch(OpsOf ops, Phase phase) const {
  Kernels kernels = of(ops, phase);
  if (context_.plan.dispatcher != Dispatcher::nccl)
    std::erase_if(kernels, [](const Kernel& kernel) { return kernel.op == Op::permute || kernel.op == Op::unpermute; });
  return kernels;
}

void LayerEmitter::embedding(Phase phase, int local) { builder_.compute(of(embedding_ops, phase), local, phase); }

void LayerEmitter::loss(int local, Phase phase) {
  if (phase == Phase::backward) builder_.compute(of(output_ops, phase), local, phase);
  enter_tensor_region(local, phase);
  if (phase != Phase::backward) builder_.compute(of(output_ops, phase), local, phase);
}

void LayerEmitter::tensor_collective(CollectiveKind kind, const char* op, int local, Phase phase) {
  const double bytes = static_cast<double>(context_.shard.gemm_tokens()) * context_.model.hidden * 2;
  builder_.collective(Stream::tp, op, local, phase, context_.tensor, [&](const std::vector<int>& group) {
    return ring_collective(context_.fabric, context_.pod, kind, first_rank_, group, bytes);
  });
}

// Sequence parallelism gathers tokens before a tensor-parallel region and scatters its partial sums after it; without
// it only the sums travel (Korthikanti et al., arXiv:2205.05198). Backward is the mirror image with the same volumes.
void LayerEmitter::enter_tensor_region(int local, Phase phase) {
  if (context_.shard.sequence_parallel) tensor_collective(CollectiveKind::all_gather, "tp all-gather", local, phase);
}

void LayerEmitter::leave_tensor_region(int local, Phase phase) {
  if (context_.shard.sequence_parallel)
    tensor_collective(CollectiveKind::reduce_scatter, "tp reduce-scatter", local, phase);
  else
    tensor_collective(CollectiveKind::all_reduce, "tp all-reduce", local, phase);
}

// Ring: in each of cp steps a rank works on one share of the keys while the next share arrives. All-gather: first all
// keys, then one kernel.
void LayerEmitter::attention_core(const Kernels& kernels, double bytes, int local, Phase phase) {
  const int cp = context_.plan.cp;
  if (cp == 1) return builder_.compute(kernels, local, phase);
  if (context_.plan.cp_kind == CpKind::all_gather) {
    builder_.collective(Stream::cp, "cp all-gather", local, phase, context_.context, [&](const auto& group) {
      return ring_collective(context_.fabric, context_.pod, CollectiveKind::all_gather, first_rank_, group, bytes * cp);
    });
    return builder_.compute(kernels, local, phase);
  }
  for (int step = 0; step < cp; ++step) {
    std::vector<TaskId> arrival;
    if (step + 1 < cp)
      arrival = builder_.background_collective(
          Stream::cp, "cp ring", local, phase, context_.context, [&](const std::vector<int>& group) {
            return ring_shift(context_.fabric, context_.pod, first_rank_, group, bytes);
          });
    builder_.compute_fraction(kernels, 1.0 / cp, local, phase);
    if (!arrival.empty()) builder_.wait_for(arrival);
  }
}

void LayerEmitter::attention_forward(int layer, int local, Phase phase) {
  enter_tensor_region(local, phase);
  builder_.compute(attention_in_ops(context_.model, layer, context_.shard, Pass::forward), local, phase);
  attention_core(attention_core_ops(context_.model, layer, context_.shard, Pass::forward), kv_bytes(context_), local,
                 phase);
  builder_.compute(attention_out_ops(context_.model, layer, context_.shard, Pass::forward), local, phase);
  if (context_.plan.tp > 1) leave_tensor_region(local, phase);
}

void LayerEmitter::attention_backward(int layer, int local) {
  enter_tensor_region(local, Phase::backward);
  const auto both = [&](auto ops) {
    Kernels kernels = ops(context_.model, layer, context_.shard, Pass::backward_data);
    append(kernels, ops(context_.model, layer, context_.shard, Pass::backward_weight));
    return kernels;
  };
  builder_.compute(both(attention_out_ops), local, Phase::backward);
  // Keys and values travel again, and their gradients with them.
  attention_core(both(attention_core_ops), 2 * kv_bytes(context_), local, Phase::backward);
  builder_.compute(both(attention_in_ops), local, Phase::backward);
  if (context_.plan.tp > 1) leave_tensor_region(local, Phase::backward);
}

void LayerEmitter::dense_ffn(int local, Phase phase) {
  enter_tensor_region(local, phase);
  builder_.compute(of(dense_ffn_ops, phase), local, phase);
  if (context_.plan.tp > 1) leave_tensor_region(local, phase);
}

void LayerEmitter::shared_experts(int local, Phase phase) {
  if (context_.model.shared_ffn == 0) return;
  enter_tensor_region(local, phase);
  builder_.compute(of(shared_expert_ops, phase), local, phase);
  if (context_.plan.tp > 1) leave_tensor_region(local, phase);
}

void LayerEmitter::route(const char* op, int local, Phase phase, bool reverse, PrecisionRecipe wire) {
  if (context_.plan.ep == 1) return;
  builder_.routed_collective(op, local, phase, context_.expert, reverse, token_bytes(context_.model, wire),
                             [&](const std::vector<int>& group) {
                               const AllToAll all_to_all(context_.fabric, first_rank_, group);
                               Transfer transfer;
                               for (int rank : group) transfer.ranks.push_back(static_cast<uint32_t>(rank));
                               add_dispatcher_cost(context_, all_to_all, transfer);
                               transfer.sm_share = context_.ep_sm_share;
                               return transfer;
                             });
}

void LayerEmitter::experts(ExpertKernels list, int local, Phase phase) {
  const auto expert_tensor_bytes = [&] {  // rows of this rank, gathered over its expert tensor group
    return static_cast<double>(context_.shard.local_tokens()) * context_.model.top_k * context_.plan.etp *
           context_.model.hidden * 2;
  };
  const auto expert_tensor = [&](CollectiveKind kind, const char* op) {
    builder_.collective(Stream::tp, op, local, phase, context_.expert_tensor, [&](const std::vector<int>& group) {
      return ring_collective(context_.fabric, context_.pod, kind, first_rank_, group, expert_tensor_bytes());
    });
  };
  expert_tensor(CollectiveKind::all_gather, "etp all-gather");
  const int64_t rows = context_.shard.local_tokens() * context_.model.top_k * context_.plan.etp;
  const std::vector<int> nominal(static_cast<size_t>(context_.local_experts()),
                                 static_cast<int>(rows / std::max(1, context_.local_experts())));
  builder_.routed_compute(expert_kernels(context_, list), static_cast<uint32_t>(list), nominal, local, phase);
  expert_tensor(CollectiveKind::reduce_scatter, "etp reduce-scatter");
}

void LayerEmitter::moe_forward(int local, Phase phase) {
  builder_.compute(around_dispatch(router_ops, phase), local, phase);
  if (!context_.plan.overlap_shared_expert) shared_experts(local, phase);
  route("dispatch", local, phase, false, context_.plan.dispatch_precision);
  experts(ExpertKernels::forward, local, phase);
  route("combine", local, phase, true, PrecisionRecipe::bf16);
  builder_.compute(around_dispatch(combine_ops, phase), local, phase);
}

// Gradients take the way of the tokens: out to the experts (as dispatch) and back (as combine).
void LayerEmitter::moe_backward(int local) {
  const bool selective_moe = context_.plan.recompute_policy().drops(RecomputeModule::moe);
  if (selective_moe) moe_forward(local, Phase::recompute);
  builder_.compute(around_dispatch(combine_ops, Phase::backward), local, Phase::backward);
  route("combine backward", local, Phase::backward, false, context_.plan.dispatch_precision);
  const bool activation = context_.plan.recompute_policy().drops(RecomputeModule::moe_act);
  experts(activation ? ExpertKernels::recompute_activation : ExpertKernels::backward, local, Phase::backward);
  route("dispatch backward", local, Phase::backward, true, PrecisionRecipe::bf16);
  if (context_.plan.recompute_policy().drops(RecomputeModule::shared_experts)) shared_experts(local, Phase::recompute);
  shared_experts(local, Phase::backward);
  builder_.compute(around_dispatch(router_ops, Phase::backward), local, Phase::backward);
}

// A multi-token-prediction layer embeds the next token, and has logits and a loss of its own (DeepSeek-V3,
// arXiv:2412.19437 section 2.2); neither is recomputed.
void LayerEmitter::forward(int layer, int local, Phase phase) {
  const bool mtp = layer >= context_.model.layers;
  if (mtp && phase == Phase::forward) embedding(phase, local);
  if (mtp) builder_.compute(of(mtp_projection_ops, phase), local, phase);
  attention_forward(layer, local, phase);
  if (has_experts(context_.model, layer))
    moe_forward(local, phase);
  else
    dense_ffn(local, phase);
  if (mtp && phase == Phase::forward) loss(local, phase);
}

void LayerEmitter::backward(int layer, int local) {
  const bool mtp = layer >= context_.model.layers;
  if (mtp) loss(local, Phase::backward);
  if (context_.plan.recompute == Recompute::full) forward(layer, local, Phase::recompute);
  recompute_selected(layer, local);
  if (has_experts(context_.model, layer))
    moe_backward(local);
  else
    dense_ffn(local, Phase::backward);
  attention_backward(layer, local);
  if (!mtp) return;
  builder_.compute(of(mtp_projection_ops, Phase::backward), local, Phase::backward);
  embedding(Phase::backward, local);
}

// What selective recomputation runs again on the compute stream before a layer's backward; whole MoE layers and expert
// activations are recomputed where their backward needs them.
void LayerEmitter::recompute_selected(int layer, int local) {
  const RecomputePolicy policy = context_.plan.recompute_policy();
  if (policy.kind != Recompute::selective) return;
  const ModelShape& model = context_.model;
  Kernels again;
  const Kernels in = attention_in_ops(model, layer, context_.shard, Pass::forward);
  const auto keep = [&](const Kernels& kernels, auto wanted) {
    for (const Kernel& kernel : kernels)
      if (wanted(kernel)) again.push_back(kernel);
  };
  if (policy.drops(RecomputeModule::layernorm)) keep(in, [](const Kernel& kernel) { return kernel.op == Op::norm; });
  if (policy.drops(RecomputeModule::mla_up_proj))
    keep(in, [&](const Kernel& kernel) {
      return kernel.kind == KernelKind::gemm && (kernel.k == model.q_lora_rank || kernel.k == model.kv_lora_rank);
    });
  if (policy.drops(RecomputeModule::core_attn))
    append(again, attention_core_ops(model, layer, context_.shard, Pass::forward));
  builder_.compute(again, local, Phase::recompute);
  if (policy.drops(RecomputeModule::mlp) && !has_experts(model, layer)) dense_ffn(local, Phase::recompute);
}

}  // namespace moesim
