#include "lower/layer_emitter.hpp"

#include <algorithm>

namespace moesim {

namespace {

// Returns the bytes that context parallelism passes on of this rank's tokens, bf16.
double kv_bytes(const StepContext& context, int layer) {
  return context.shard.gemm_tokens() * exchanged_width(context.model, layer, context.plan.tp) * 2;
}

}  // namespace

void LayerEmitter::embedding(Phase phase, int local) {
  ops_.compute(embedding_ops, local, phase);
  if (phase == Phase::backward) ops_.delay_weights_of(embedding_ops, local);
}

// The logits need all tokens of the tensor-parallel group: forward their hidden states travel
// before the logits, backward their gradients after them.
void LayerEmitter::loss(int local, Phase phase) {
  if (phase == Phase::weight_gradient) return ops_.compute(output_ops, local, phase);
  if (phase == Phase::backward) {
    ops_.delay_weights_of(output_ops, local);
    ops_.compute(output_ops, local, phase);
  }
  ops_.enter_tensor_region(local, phase);
  if (phase != Phase::backward) ops_.compute(output_ops, local, phase);
}

// Ring: in each of cp steps a rank works on one share of the keys while the next share arrives.
// All-gather: first all keys, then one kernel.
void LayerEmitter::attention_core(const Kernels& kernels, double bytes, int local, Phase phase) {
  const int cp = context_.plan.cp;
  if (cp == 1) return builder_.compute(kernels, local, phase);
  if (context_.plan.cp_kind == CpKind::all_gather) {
    builder_.collective({Stream::cp, "cp all-gather", local, phase}, context_.context,
                        [&](const std::vector<int>& group) {
                          return ops_.equal_collective(CollectiveKind::all_gather, group,
                                                       bytes * cp);
                        });
    return builder_.compute(kernels, local, phase);
  }
  for (int step = 0; step < cp; ++step) {
    std::vector<TaskId> arrival;
    if (step + 1 < cp)
      arrival = builder_.background_collective(
          {Stream::cp, "cp ring", local, phase}, context_.context,
          [&](const std::vector<int>& group) {
            return ring_shift({context_.fabric, context_.pod, first_rank_, group}, bytes);
          });
    builder_.compute_fraction(kernels, 1.0 / cp, local, phase);
    if (!arrival.empty()) builder_.wait_for(arrival);
  }
}

void LayerEmitter::attention_forward(int layer, int local, Phase phase) {
  if (mixer_of(context_.model, layer) == Mixer::none) return;
  const auto kernels = [&](auto ops) {
    return ops(context_.model, layer, context_.shard, Pass::forward);
  };
  ops_.enter_tensor_region(local, phase);
  builder_.compute(kernels(attention_in_ops), local, phase);
  attention_core(kernels(attention_core_ops), kv_bytes(context_, layer), local, phase);
  builder_.compute(kernels(attention_out_ops), local, phase);
  ops_.leave_tensor_region(local, phase);
}

void LayerEmitter::attention_backward(int layer, int local) {
  if (mixer_of(context_.model, layer) == Mixer::none) return;
  const auto kernels = [&](auto ops) {
    return ops_.of_passes(
        [&](Pass pass) { return ops(context_.model, layer, context_.shard, pass); },
        Phase::backward);
  };
  ops_.enter_tensor_region(local, Phase::backward);
  builder_.compute(kernels(attention_out_ops), local, Phase::backward);
  // Keys and values travel again, and their gradients with them.
  attention_core(kernels(attention_core_ops), 2 * kv_bytes(context_, layer), local,
                 Phase::backward);
  ops_.compute_gathering(
      [&](Pass pass) { return attention_in_ops(context_.model, layer, context_.shard, pass); },
      local);
  ops_.leave_tensor_region(local, Phase::backward);
  ops_.delay([=, this] { attention_weight_gradients(layer, local); });
}

void LayerEmitter::attention_weight_gradients(int layer, int local) {
  for (auto ops : {attention_out_ops, attention_core_ops, attention_in_ops})
    builder_.compute(ops(context_.model, layer, context_.shard, Pass::backward_weight), local,
                     Phase::weight_gradient);
}

void LayerEmitter::dense_ffn(int layer, int local, Phase phase) {
  if (ffn_of(context_.model, layer) == Ffn::none) return;
  ops_.enter_tensor_region(local, phase);
  if (phase == Phase::backward)
    ops_.compute_gathering(
        [&](Pass pass) { return dense_ffn_ops(context_.model, context_.shard, pass); }, local);
  else
    ops_.compute(dense_ffn_ops, local, phase);
  ops_.leave_tensor_region(local, phase);
  if (phase == Phase::backward) ops_.delay_weights_of(dense_ffn_ops, local);
}

// Emits what selective recomputation runs again on the compute stream before a layer's backward;
// whole MoE layers, shared experts and expert activations are recomputed where their backward needs
// them.
void LayerEmitter::recompute_selected(int layer, int local) {
  const RecomputePolicy policy = context_.plan.recompute_policy();
  if (policy.kind != Recompute::selective) return;
  Kernels again;
  const auto keep = [&](Op op) {
    for (const Kernel& kernel :
         attention_in_ops(context_.model, layer, context_.shard, Pass::forward))
      if (kernel.op == op) again.push_back(kernel);
  };
  if (policy.drops(RecomputeModule::layernorm)) keep(Op::norm);
  if (policy.drops(RecomputeModule::mla_up_proj)) keep(Op::mla_up_projection);
  if (policy.drops(RecomputeModule::core_attn))
    append(again, attention_core_ops(context_.model, layer, context_.shard, Pass::forward));
  builder_.compute(again, local, Phase::recompute);
  if (policy.drops(RecomputeModule::mlp) && !has_experts(context_.model, layer))
    dense_ffn(layer, local, Phase::recompute);
}

// Returns how many modules of the layer run again one by one; layer norms are two.
int LayerEmitter::checkpoints(int layer, int local) const {
  const RecomputePolicy policy = context_.plan.recompute_policy(local);
  if (policy.kind != Recompute::selective) return policy.kind == Recompute::full ? 1 : 0;
  const bool experts = has_experts(context_.model, layer);
  const auto count = [&](RecomputeModule module, int modules) {
    return policy.drops(module) ? modules : 0;
  };
  return count(RecomputeModule::layernorm, 2) + count(RecomputeModule::core_attn, 1) +
         count(RecomputeModule::mla_up_proj, 1) +
         (experts ? count(RecomputeModule::moe, 1) + count(RecomputeModule::moe_act, 1) +
                        count(RecomputeModule::shared_experts, 1)
                  : count(RecomputeModule::mlp, 1));
}

// A multi-token-prediction layer embeds the next token, and has logits and a loss of its own
// (DeepSeek-V3, arXiv:2412.19437 section 2.2); neither is recomputed.
Emission LayerEmitter::forward(int layer, int local, Phase phase) {
  const bool mtp = layer >= context_.model.layers;
  if (phase == Phase::forward)
    builder_.busy_host_more(context_.cost.checkpoints_s(checkpoints(layer, local)));
  if (mtp && phase == Phase::forward) embedding(phase, local);
  if (mtp) ops_.compute(mtp_projection_ops, local, phase);
  attention_forward(layer, local, phase);
  if (has_experts(context_.model, layer))
    co_await moe_.forward(local, phase);
  else
    dense_ffn(layer, local, phase);
  if (mtp && phase == Phase::forward) loss(local, phase);
}

Emission LayerEmitter::backward(int layer, int local) {
  const bool mtp = layer >= context_.model.layers;
  if (mtp) loss(local, Phase::backward);
  builder_.busy_host_more(context_.cost.checkpoints_s(checkpoints(layer, local)));
  if (context_.plan.recompute_policy(local).kind == Recompute::full)
    co_await forward(layer, local, Phase::recompute);
  recompute_selected(layer, local);
  if (has_experts(context_.model, layer))
    co_await moe_.backward(local);
  else
    dense_ffn(layer, local, Phase::backward);
  attention_backward(layer, local);
  if (!mtp) co_return;
  ops_.compute(mtp_projection_ops, local, Phase::backward);
  ops_.delay_weights_of(mtp_projection_ops, local);
  embedding(Phase::backward, local);
}

void LayerEmitter::weight_gradients(int layer, int local) {
  const bool mtp = layer >= context_.model.layers;
  if (mtp) loss(local, Phase::weight_gradient);
  if (has_experts(context_.model, layer))
    moe_.weight_gradients(local);
  else if (ffn_of(context_.model, layer) == Ffn::dense)
    ops_.compute(dense_ffn_ops, local, Phase::weight_gradient);
  attention_weight_gradients(layer, local);
  if (!mtp) return;
  ops_.compute(mtp_projection_ops, local, Phase::weight_gradient);
  ops_.compute(embedding_ops, local, Phase::weight_gradient);
}

}  // namespace moesim
