#include "lower/layer_emitter.hpp"

#include <algorithm>
#include <utility>

#include "lower/all_to_all.hpp"

namespace moesim {

namespace {

void append(Kernels& to, const Kernels& from) { to.insert(to.end(), from.begin(), from.end()); }

// Keys and values of this rank's tokens, bf16, as context parallelism passes them on.
double kv_bytes(const StepContext& context) {
  const ModelShape& m = context.model;
  const double tokens = static_cast<double>(context.shard.gemm_tokens());
  const int tp = context.plan.tp;
  const double width =
      m.attention == AttentionKind::mla
          ? static_cast<double>(m.heads) / tp * (m.qk_nope_dim + m.qk_rope_dim + m.v_dim)
          : std::max(1.0, static_cast<double>(m.kv_heads) / tp) * 2 * m.head_dim;
  return tokens * width * 2;
}

}  // namespace

Kernels LayerEmitter::of_passes(const std::function<Kernels(Pass)>& ops, Phase phase) const {
  if (phase == Phase::weight_gradient) return ops(Pass::backward_weight);
  if (phase != Phase::backward) return ops(Pass::forward);
  Kernels kernels = ops(Pass::backward_data);
  if (weights_ == WeightGradients::with_data) append(kernels, ops(Pass::backward_weight));
  return kernels;
}

Kernels LayerEmitter::of(OpsOf ops, Phase phase) const {
  return of_passes([&](Pass pass) { return ops(context_.model, context_.shard, pass); }, phase);
}

void LayerEmitter::delay(std::function<void()> weight_gradients) {
  if (weights_ == WeightGradients::beside_communication)
    delayed_.push_back(std::move(weight_gradients));
}

void LayerEmitter::flush_weight_gradients() {
  for (const auto& gradients : std::exchange(delayed_, {})) gradients();
}

// Some dispatchers read tokens where they are; others need them permuted into send order and back.
Kernels LayerEmitter::around_dispatch(OpsOf ops, Phase phase) const {
  Kernels kernels = of(ops, phase);
  if (!traits(context_.plan.dispatcher).permutes)
    std::erase_if(kernels, [](const Kernel& kernel) {
      return kernel.op == Op::permute || kernel.op == Op::unpermute;
    });
  return kernels;
}

void LayerEmitter::embedding(Phase phase, int local) {
  builder_.compute(of(embedding_ops, phase), local, phase);
  if (phase == Phase::backward)
    delay([=, this] {
      builder_.compute(of(embedding_ops, Phase::weight_gradient), local, Phase::weight_gradient);
    });
}

void LayerEmitter::loss(int local, Phase phase) {
  if (phase == Phase::weight_gradient) return builder_.compute(of(output_ops, phase), local, phase);
  if (phase == Phase::backward) delay([=, this] { loss(local, Phase::weight_gradient); });
  if (phase == Phase::backward) builder_.compute(of(output_ops, phase), local, phase);
  enter_tensor_region(local, phase);
  if (phase != Phase::backward) builder_.compute(of(output_ops, phase), local, phase);
}

Transfer LayerEmitter::equal_collective(CollectiveKind kind, const std::vector<int>& group,
                                        double bytes) const {
  return collective(kind, CollectiveAlgorithm::automatic,
                    {context_.fabric, context_.pod, first_rank_, group}, bytes);
}

void LayerEmitter::tensor_collective(CollectiveKind kind, const char* op, int local, Phase phase) {
  const double bytes =
      static_cast<double>(context_.shard.gemm_tokens()) * context_.model.hidden * 2;
  builder_.collective(
      Stream::tp, op, local, phase, context_.tensor,
      [&](const std::vector<int>& group) { return equal_collective(kind, group, bytes); });
}

// Sequence parallelism gathers tokens before a tensor-parallel region and scatters its partial sums
// after it; without it only the sums travel (Korthikanti et al., arXiv:2205.05198). Backward is the
// mirror image with the same volumes.
void LayerEmitter::enter_tensor_region(int local, Phase phase) {
  if (context_.shard.sequence_parallel)
    tensor_collective(CollectiveKind::all_gather, "tp all-gather", local, phase);
}

void LayerEmitter::leave_tensor_region(int local, Phase phase) {
  if (context_.shard.sequence_parallel)
    tensor_collective(CollectiveKind::reduce_scatter, "tp reduce-scatter", local, phase);
  else
    tensor_collective(CollectiveKind::all_reduce, "tp all-reduce", local, phase);
}

// Ring: in each of cp steps a rank works on one share of the keys while the next share arrives.
// All-gather: first all keys, then one kernel.
void LayerEmitter::attention_core(const Kernels& kernels, double bytes, int local, Phase phase) {
  const int cp = context_.plan.cp;
  if (cp == 1) return builder_.compute(kernels, local, phase);
  if (context_.plan.cp_kind == CpKind::all_gather) {
    builder_.collective(Stream::cp, "cp all-gather", local, phase, context_.context,
                        [&](const auto& group) {
                          return equal_collective(CollectiveKind::all_gather, group, bytes * cp);
                        });
    return builder_.compute(kernels, local, phase);
  }
  for (int step = 0; step < cp; ++step) {
    std::vector<TaskId> arrival;
    if (step + 1 < cp)
      arrival = builder_.background_collective(
          Stream::cp, "cp ring", local, phase, context_.context,
          [&](const std::vector<int>& group) {
            return ring_shift({context_.fabric, context_.pod, first_rank_, group}, bytes);
          });
    builder_.compute_fraction(kernels, 1.0 / cp, local, phase);
    if (!arrival.empty()) builder_.wait_for(arrival);
  }
}

void LayerEmitter::attention_forward(int layer, int local, Phase phase) {
  enter_tensor_region(local, phase);
  builder_.compute(attention_in_ops(context_.model, layer, context_.shard, Pass::forward), local,
                   phase);
  attention_core(attention_core_ops(context_.model, layer, context_.shard, Pass::forward),
                 kv_bytes(context_), local, phase);
  builder_.compute(attention_out_ops(context_.model, layer, context_.shard, Pass::forward), local,
                   phase);
  if (context_.plan.tp > 1) leave_tensor_region(local, phase);
}

void LayerEmitter::attention_backward(int layer, int local) {
  enter_tensor_region(local, Phase::backward);
  const auto gradients = [&](auto ops) {
    return of_passes([&](Pass pass) { return ops(context_.model, layer, context_.shard, pass); },
                     Phase::backward);
  };
  builder_.compute(gradients(attention_out_ops), local, Phase::backward);
  // Keys and values travel again, and their gradients with them.
  attention_core(gradients(attention_core_ops), 2 * kv_bytes(context_), local, Phase::backward);
  builder_.compute(gradients(attention_in_ops), local, Phase::backward);
  if (context_.plan.tp > 1) leave_tensor_region(local, Phase::backward);
  delay([=, this] { attention_weight_gradients(layer, local); });
}

void LayerEmitter::attention_weight_gradients(int layer, int local) {
  for (auto ops : {attention_out_ops, attention_core_ops, attention_in_ops})
    builder_.compute(ops(context_.model, layer, context_.shard, Pass::backward_weight), local,
                     Phase::weight_gradient);
}

void LayerEmitter::expert_weight_gradients(int local) {
  experts(ExpertKernels::backward_weight, local, Phase::weight_gradient);
  builder_.compute(of(shared_expert_ops, Phase::weight_gradient), local, Phase::weight_gradient);
}

void LayerEmitter::weight_gradients(int layer, int local) {
  const auto of_layer = [&](OpsOf ops) {
    builder_.compute(of(ops, Phase::weight_gradient), local, Phase::weight_gradient);
  };
  const bool mtp = layer >= context_.model.layers;
  if (mtp) loss(local, Phase::weight_gradient);
  if (has_experts(context_.model, layer)) {
    of_layer(combine_ops);
    expert_weight_gradients(local);
    of_layer(router_ops);
  } else {
    of_layer(dense_ffn_ops);
  }
  attention_weight_gradients(layer, local);
  if (!mtp) return;
  of_layer(mtp_projection_ops);
  of_layer(embedding_ops);
}

void LayerEmitter::dense_ffn(int local, Phase phase) {
  enter_tensor_region(local, phase);
  builder_.compute(of(dense_ffn_ops, phase), local, phase);
  if (context_.plan.tp > 1) leave_tensor_region(local, phase);
  if (phase == Phase::backward)
    delay([=, this] {
      builder_.compute(of(dense_ffn_ops, Phase::weight_gradient), local, Phase::weight_gradient);
    });
}

void LayerEmitter::shared_experts(int local, Phase phase) {
  if (context_.model.shared_ffn == 0) return;
  enter_tensor_region(local, phase);
  builder_.compute(of(shared_expert_ops, phase), local, phase);
  if (context_.plan.tp > 1) leave_tensor_region(local, phase);
}

Transfer LayerEmitter::dispatcher_transfer(const std::vector<int>& group, double bytes,
                                           bool beside_compute) const {
  const AllToAll all_to_all(context_.fabric, first_rank_, group);
  Transfer transfer = context_.exchange_rates(all_to_all, bytes, beside_compute);
  for (int rank : group) transfer.ranks.push_back(static_cast<uint32_t>(rank));
  transfer.sm_share = context_.ep_sm_share;
  return transfer;
}

// The host waits for the counts of arriving tokens before it launches anything more, so that
// compute of the other microbatch, although independent, stands still meanwhile (dispatchers with
// a start-up of their own, unless a CUDA graph holds the whole step).
void LayerEmitter::prepare_dispatch(int local, Phase phase) {
  const double latency_s = context_.dispatcher_cost().startup_s;
  if (latency_s <= 0) return;
  builder_.blocking_collective(Stream::ep, "dispatch preparation", local, phase, context_.expert,
                               [latency_s](const std::vector<int>& group) {
                                 Transfer transfer;
                                 for (int rank : group)
                                   transfer.ranks.push_back(static_cast<uint32_t>(rank));
                                 transfer.latency_s = latency_s;
                                 return transfer;
                               });
}

// Megatron-LM's all-gather dispatcher: independent of the routing, ep times the bytes of the
// tokens.
void LayerEmitter::gather_tokens(const char* op, int local, Phase phase, bool reverse,
                                 PrecisionRecipe wire, const std::function<void()>& beside) {
  const double bytes = static_cast<double>(context_.shard.local_tokens()) * context_.plan.ep *
                       token_bytes(context_.model, wire);
  const CollectiveKind kind = reverse ? CollectiveKind::reduce_scatter : CollectiveKind::all_gather;
  const auto make = [&](const std::vector<int>& group) {
    Transfer transfer = equal_collective(kind, group, bytes);
    if (overlapped_ || beside)
      transfer.nic_rate = transfer.nvlink_rate = context_.pod.overlapped_efficiency;
    transfer.sm_share = context_.ep_sm_share;
    return transfer;
  };
  if (!beside) return builder_.collective(Stream::ep, op, local, phase, context_.expert, make);
  const auto tasks =
      builder_.background_collective(Stream::ep, op, local, phase, context_.expert, make);
  beside();
  builder_.wait_for(tasks);
}

// `beside`: what computes while the tokens travel.
void LayerEmitter::route(const char* op, int local, Phase phase, bool reverse, PrecisionRecipe wire,
                         const std::function<void()>& beside) {
  if (context_.plan.ep == 1) {
    if (beside) beside();
    return;
  }
  if (traits(context_.plan.dispatcher).path == TokenPath::gather_all)
    return gather_tokens(op, local, phase, reverse, wire, beside);
  const bool travels_beside = overlapped_ || beside;
  const bool prepares =
      overlapped_ && !reverse && phase != Phase::backward && !context_.plan.whole_step_graph();
  if (prepares) prepare_dispatch(local, phase);
  const double bytes = token_bytes(context_.model, wire);
  const auto make = [=, this](const std::vector<int>& group) {
    Transfer transfer = dispatcher_transfer(group, bytes, travels_beside);
    if (prepares) transfer.latency_s -= context_.dispatcher_cost().startup_s;
    return transfer;
  };
  if (!beside)
    return builder_.routed_collective(op, local, phase, context_.expert, reverse, bytes, make);
  const auto tasks = builder_.background_routed_collective(op, local, phase, context_.expert,
                                                           reverse, bytes, make);
  beside();
  builder_.wait_for(tasks);
}

void LayerEmitter::experts(ExpertKernels list, int local, Phase phase) {
  const auto expert_tensor_bytes =
      [&] {  // rows of this rank, gathered over its expert tensor group
        return static_cast<double>(context_.shard.local_tokens()) * context_.model.top_k *
               context_.plan.etp * context_.model.hidden * 2;
      };
  const auto expert_tensor = [&](CollectiveKind kind, const char* op) {
    builder_.collective(Stream::tp, op, local, phase, context_.expert_tensor,
                        [&](const std::vector<int>& group) {
                          return equal_collective(kind, group, expert_tensor_bytes());
                        });
  };
  const bool travels = list != ExpertKernels::backward_weight && list != ExpertKernels::activation;
  if (travels) expert_tensor(CollectiveKind::all_gather, "etp all-gather");
  const int64_t rows = context_.shard.local_tokens() * context_.model.top_k * context_.plan.etp;
  const std::vector<int> nominal(static_cast<size_t>(context_.local_experts()),
                                 static_cast<int>(rows / std::max(1, context_.local_experts())));
  builder_.routed_compute(expert_kernels(context_, list), static_cast<uint32_t>(list), nominal,
                          local, phase);
  if (travels) expert_tensor(CollectiveKind::reduce_scatter, "etp reduce-scatter");
}

EmitSteps LayerEmitter::moe_forward(int local, Phase phase) {
  const auto to_experts = [=, this] {
    builder_.compute(around_dispatch(router_ops, phase), local, phase);
    const bool overlap = context_.plan.overlap_shared_expert;
    if (!overlap) shared_experts(local, phase);
    const auto shared = [=, this] { shared_experts(local, phase); };
    route("dispatch", local, phase, false, context_.plan.dispatch_precision,
          overlap ? std::function<void()>(shared) : nullptr);
  };
  const auto at_experts = [=, this] {
    experts(ExpertKernels::forward, local, phase);
    route("combine", local, phase, true, PrecisionRecipe::bf16);
  };
  const auto back = [=, this] {
    builder_.compute(around_dispatch(combine_ops, phase), local, phase);
  };
  return {{to_experts, true}, {at_experts, true}, {back, false}};
}

// Gradients take the way of the tokens: out to the experts (as dispatch) and back (as combine).
EmitSteps LayerEmitter::moe_backward(int local) {
  const RecomputePolicy policy = context_.plan.recompute_policy();
  EmitSteps steps;
  if (policy.drops(RecomputeModule::moe)) steps = moe_forward(local, Phase::recompute);
  const auto shared = [=, this] {
    if (policy.drops(RecomputeModule::shared_experts) && !policy.drops(RecomputeModule::moe))
      shared_experts(local, Phase::recompute);
    shared_experts(local, Phase::backward);
  };
  const bool overlap = context_.plan.overlap_shared_expert;
  const bool delays = weights_ == WeightGradients::beside_communication;
  const auto to_experts = [=, this] {
    builder_.compute(around_dispatch(combine_ops, Phase::backward), local, Phase::backward);
    const auto beside = [=, this] {
      if (overlap) shared();
      flush_weight_gradients();  // of the layer above
    };
    route("combine backward", local, Phase::backward, false, context_.plan.dispatch_precision,
          overlap || delays ? std::function<void()>(beside) : nullptr);
  };
  const auto at_experts = [=, this] {
    if (policy.drops(RecomputeModule::moe_act) && !policy.drops(RecomputeModule::moe))
      experts(ExpertKernels::activation, local, Phase::backward);
    const bool both = weights_ == WeightGradients::with_data;
    experts(both ? ExpertKernels::backward : ExpertKernels::backward_data, local, Phase::backward);
    if (overlap)
      delay([=, this] { expert_weight_gradients(local); });
    else
      delay([=, this] { experts(ExpertKernels::backward_weight, local, Phase::weight_gradient); });
    route("dispatch backward", local, Phase::backward, true, PrecisionRecipe::bf16,
          delays ? std::function<void()>([this] { flush_weight_gradients(); }) : nullptr);
  };
  const auto back = [=, this] {
    if (!overlap) {
      shared();
      delay([=, this] {
        builder_.compute(of(shared_expert_ops, Phase::weight_gradient), local,
                         Phase::weight_gradient);
      });
    }
    builder_.compute(around_dispatch(router_ops, Phase::backward), local, Phase::backward);
    delay([=, this] {
      builder_.compute(of(router_ops, Phase::weight_gradient), local, Phase::weight_gradient);
    });
  };
  steps.insert(steps.end(), {{to_experts, true}, {at_experts, true}, {back, false}});
  return steps;
}

// A multi-token-prediction layer embeds the next token, and has logits and a loss of its own
// (DeepSeek-V3, arXiv:2412.19437 section 2.2); neither is recomputed.
EmitSteps LayerEmitter::forward(int layer, int local, Phase phase) {
  const bool mtp = layer >= context_.model.layers;
  EmitSteps steps;
  steps.push_back({[=, this] {
    if (mtp && phase == Phase::forward) embedding(phase, local);
    if (mtp) builder_.compute(of(mtp_projection_ops, phase), local, phase);
    attention_forward(layer, local, phase);
  }});
  if (has_experts(context_.model, layer)) {
    const EmitSteps moe = moe_forward(local, phase);
    steps.insert(steps.end(), moe.begin(), moe.end());
  } else {
    steps.push_back({[=, this] { dense_ffn(local, phase); }});
  }
  if (mtp && phase == Phase::forward) steps.push_back({[=, this] { loss(local, phase); }});
  return steps;
}

EmitSteps LayerEmitter::backward(int layer, int local) {
  const bool mtp = layer >= context_.model.layers;
  EmitSteps steps;
  if (mtp) steps.push_back({[=, this] { loss(local, Phase::backward); }});
  if (context_.plan.recompute == Recompute::full) {
    const EmitSteps again = forward(layer, local, Phase::recompute);
    steps.insert(steps.end(), again.begin(), again.end());
  }
  steps.push_back({[=, this] { recompute_selected(layer, local); }});
  if (has_experts(context_.model, layer)) {
    const EmitSteps moe = moe_backward(local);
    steps.insert(steps.end(), moe.begin(), moe.end());
  } else {
    steps.push_back({[=, this] { dense_ffn(local, Phase::backward); }});
  }
  steps.push_back({[=, this] {
    attention_backward(layer, local);
    if (!mtp) return;
    builder_.compute(of(mtp_projection_ops, Phase::backward), local, Phase::backward);
    delay([=, this] {
      builder_.compute(of(mtp_projection_ops, Phase::weight_gradient), local,
                       Phase::weight_gradient);
    });
    embedding(Phase::backward, local);
  }});
  return steps;
}

void emit_all(const EmitSteps& steps) {
  for (const EmitStep& step : steps) step.emit();
}

void emit_overlapped(TemplateBuilder& builder, const EmitSteps& forward, const EmitSteps& backward,
                     double piece_s) {
  size_t next[2] = {0, 0};
  const EmitSteps* lanes[2] = {&forward, &backward};
  for (int lane = 1; next[0] < forward.size() || next[1] < backward.size(); lane = 1 - lane) {
    builder.use_lane(lane);
    builder.busy_host(piece_s);
    while (next[lane] < lanes[lane]->size()) {
      const EmitStep& step = (*lanes[lane])[next[lane]++];
      step.emit();
      if (step.cut) break;
    }
  }
}

// What selective recomputation runs again on the compute stream before a layer's backward; whole
// MoE layers and expert activations are recomputed where their backward needs them.
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
  if (policy.drops(RecomputeModule::layernorm))
    keep(in, [](const Kernel& kernel) { return kernel.op == Op::norm; });
  if (policy.drops(RecomputeModule::mla_up_proj))
    keep(in, [&](const Kernel& kernel) {
      return kernel.kind == KernelKind::gemm &&
             (kernel.k == model.q_lora_rank || kernel.k == model.kv_lora_rank);
    });
  if (policy.drops(RecomputeModule::core_attn))
    append(again, attention_core_ops(model, layer, context_.shard, Pass::forward));
  builder_.compute(again, local, Phase::recompute);
  if (policy.drops(RecomputeModule::mlp) && !has_experts(model, layer))
    dense_ffn(local, Phase::recompute);
}

}  // namespace moesim
