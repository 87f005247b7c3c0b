// The tensors that a layer saves for its backward pass.
#include <algorithm>

#include "model/kernel_builders.hpp"
#include "model/memory.hpp"
#include "model/mixer_memory.hpp"

namespace moesim {
namespace {

// A GEMM saves its input for the weight gradient as it multiplies it: quantised where the recipe
// quantises.
double saved_operand_bytes(const Shard& shard) { return operand_bytes(shard.recipe); }

void add_gqa(ActivationBytes& bytes, const ModelShape& shape, Mixer mixer, const Shard& shard,
             double tokens) {
  const AttentionHeads heads = attention_heads(shape, mixer, shard.tp);
  const double query = heads.query_width(), key = heads.key_width();
  bytes.query_key_value = bf16_bytes * tokens * (query + heads.key_value_width());
  if (shape.q_lora_rank > 0)
    bytes.latents = 2 * bf16_bytes * shard.local_tokens() * shape.q_lora_rank;
  // The norms of queries and keys save their inputs, which are rotated into new tensors after.
  if (shape.qk_norm) bytes.query_key_value += bf16_bytes * tokens * (query + key);
  if (shape.attention_gate)
    bytes.query_key_value += 2 * bf16_bytes * tokens * query;  // gate, ungated output
  bytes.attention_output = tokens * bf16_bytes * heads.output_width();
}

void add_mla(ActivationBytes& bytes, const ModelShape& shape, const Shard& shard, double tokens) {
  const double heads = static_cast<double>(shape.heads) / shard.tp;
  const double qk_width = heads * (shape.qk_nope_dim + shape.qk_rope_dim),
               v_width = heads * shape.v_dim;
  // Each latent is saved before its norm and, as the up projection's input, after it.
  const double latent = shape.q_lora_rank + shape.kv_lora_rank;
  bytes.latents = shard.local_tokens() * (latent * (bf16_bytes + saved_operand_bytes(shard)) +
                                          bf16_bytes * shape.qk_rope_dim);
  const double value = shard.memory.padded_values ? qk_width : v_width;
  bytes.query_key_value = bf16_bytes * tokens * (2 * qk_width + value);
  bytes.attention_output = tokens * bf16_bytes * v_width;
  // Attention saves what it returns, the projection what is left without the padding.
  if (shard.memory.padded_values) bytes.attention_output += tokens * bf16_bytes * qk_width;
}

void add_linear_attention(ActivationBytes& bytes, const ModelShape& shape, const Shard& shard,
                          double tokens) {
  const double key = static_cast<double>(shape.linear_key_heads) * shape.linear_head_dim / shard.tp;
  const double value =
      static_cast<double>(shape.linear_value_heads) * shape.linear_head_dim / shard.tp;
  // q, k, v before and after the convolution, unit-length q and k, the gate.
  bytes.query_key_value = bf16_bytes * tokens * (2 * (2 * key + value) + 2 * key + value);
  // The scan's output and, as the projection's input, its gated norm.
  bytes.attention_output = tokens * value * (bf16_bytes + saved_operand_bytes(shard));
}

// Elements per token of what attention returns.
double output_width(const ModelShape& shape, const Shard& shard) {
  const double heads = static_cast<double>(shape.heads) / shard.tp;
  return heads * (shape.attention == AttentionKind::mla ? shape.v_dim : shape.head_dim);
}

void add_attention(ActivationBytes& bytes, const ModelShape& shape, int layer, const Shard& shard) {
  const double tokens = shard.gemm_tokens();
  const Mixer mixer = mixer_of(shape, layer);
  if (mixer == Mixer::linear && shape.linear_kind == LinearKind::gated_delta_net) {
    add_linear_attention(bytes, shape, shard, tokens);
    return;
  }
  if (!is_attention(mixer)) {
    add_recurrence_activations(bytes, shape, mixer, shard);
    return;
  }
  if (shape.attention == AttentionKind::mla) {
    add_mla(bytes, shape, shard, tokens);
  } else {
    add_gqa(bytes, shape, mixer, shard, tokens);
  }
  add_sparse_activations(bytes, shape, mixer, shard);
  // In bf16 attention and the output projection share one tensor; quantised, the projection saves
  // its own copy.
  if (shard.recipe != PrecisionRecipe::bf16)
    bytes.attention_output *= 1 + saved_operand_bytes(shard) / bf16_bytes;
  if (shard.cp > 1 && shard.memory.saves_exchanged_attention)
    bytes.attention_output += tokens * bf16_bytes * output_width(shape, shard);
  bytes.attention_output += tokens * fp32_bytes * shape.heads / shard.tp;
}

// fc1's output and fc2's input.
double ffn_bytes(const ModelShape& shape, const Shard& shard, double width) {
  return width *
         ((shape.gated_ffn ? 2 : 1) * shard.saved_hidden_bytes + saved_operand_bytes(shard));
}

void add_experts(ActivationBytes& bytes, const ModelShape& shape, const Shard& shard, double rows) {
  const double width = static_cast<double>(shape.moe_ffn) / shard.etp;
  // fp32 scores and probabilities, the chosen experts as a mask and as a map of rows
  // (Megatron-Core, general knowledge).
  bytes.router = shard.local_tokens() * shape.experts * (2 * fp32_bytes + 1 + fp32_bytes);
  bytes.expert_input = rows * (saved_operand_bytes(shard) * expert_width(shape) + fp32_bytes);
  bytes.expert_hidden = rows * width * (shape.gated_ffn ? 2 : 1) * shard.saved_hidden_bytes;
  bytes.expert_activation = rows * width * saved_operand_bytes(shard);
  if (shard.memory.saves_expert_output)
    bytes.expert_output = bf16_bytes * rows * expert_width(shape);
}

ActivationBytes everything_saved(const ModelShape& shape, int layer, const Shard& shard,
                                 double rows) {
  ActivationBytes bytes;
  const double elements = shard.local_tokens() * shape.hidden;
  const double tokens = shard.gemm_tokens();
  const Ffn ffn = ffn_of(shape, layer);
  const double sublayers = (mixer_of(shape, layer) != Mixer::none) + (ffn != Ffn::none);
  bytes.residual = sublayers * bf16_bytes * elements * shape.residual_streams;
  add_attention(bytes, shape, layer, shard);
  // The router takes its input in bf16.
  const bool routed = has_experts(shape, layer);
  bytes.norm_outputs =
      elements * (saved_operand_bytes(shard) + (routed ? bf16_bytes : saved_operand_bytes(shard)));
  if (sublayers < 2) bytes.norm_outputs = elements * saved_operand_bytes(shard);
  if (ffn == Ffn::none) return bytes;
  if (!routed) {
    bytes.dense_ffn =
        tokens * ffn_bytes(shape, shard, static_cast<double>(shape.dense_ffn) / shard.tp);
    return bytes;
  }
  bytes.shared_expert =
      tokens * ffn_bytes(shape, shard, static_cast<double>(shape.shared_ffn) / shard.tp);
  add_experts(bytes, shape, shard, rows);
  return bytes;
}

void drop(ActivationBytes& bytes, const ModelShape& shape, int layer, const Shard& shard,
          const RecomputePolicy& policy) {
  const double elements = shard.local_tokens() * shape.hidden;
  // The output of attention is the next projection's input and stays; flash attention keeps no more
  // than its statistics.
  if (policy.drops(RecomputeModule::core_attn) && is_attention(mixer_of(shape, layer))) {
    bytes.attention_output -= shard.gemm_tokens() * fp32_bytes * shape.heads / shard.tp;
  }
  if (policy.drops(RecomputeModule::layernorm)) bytes.norm_outputs = 0;
  if (policy.drops(RecomputeModule::mla_up_proj) && shape.attention == AttentionKind::mla)
    bytes.query_key_value = 0;
  if (policy.drops(RecomputeModule::mlp)) bytes.dense_ffn = 0;
  if (policy.drops(RecomputeModule::shared_experts)) bytes.shared_expert = 0;
  if (policy.drops(RecomputeModule::moe_act)) bytes.expert_activation = 0;
  if (policy.drops(RecomputeModule::moe) && has_experts(shape, layer)) {
    // The whole routed part runs again from its input, which must then be kept.
    bytes.norm_outputs = std::max(bytes.norm_outputs, bf16_bytes * elements);
    bytes.shared_expert = bytes.router = bytes.expert_input = bytes.expert_hidden =
        bytes.expert_activation = bytes.expert_output = 0;
  }
}

}  // namespace

std::span<const ActivationPart> activation_parts() {
  using Bytes = ActivationBytes;
  static constexpr ActivationPart parts[] = {
      {&Bytes::residual, "inputs of norms"},
      {&Bytes::norm_outputs, "outputs of norms"},
      {&Bytes::latents, "latents"},
      {&Bytes::query_key_value, "queries, keys, values"},
      {&Bytes::attention_output, "attention's output"},
      {&Bytes::dense_ffn, "dense FFN"},
      {&Bytes::shared_expert, "shared experts"},
      {&Bytes::router, "router"},
      {&Bytes::expert_input, "experts' input"},
      {&Bytes::expert_hidden, "experts' hidden"},
      {&Bytes::expert_activation, "experts' activation"},
      {&Bytes::expert_output, "experts' output"},
  };
  return parts;
}

double ActivationBytes::total() const {
  double sum = 0;
  for (const ActivationPart& part : activation_parts()) sum += this->*part.bytes;
  return sum;
}

ActivationBytes layer_activations(const ModelShape& shape, int layer, const Shard& shard,
                                  const RecomputePolicy& policy, double rows) {
  if (policy.kind == Recompute::full) {
    ActivationBytes bytes;  // the layer's input only
    bytes.residual = bf16_bytes * shard.local_tokens() * shape.hidden * shape.residual_streams;
    if (policy.holds(RecomputeKeep::router) && has_experts(shape, layer))
      bytes.router = fp32_bytes * shard.local_tokens() * shape.experts;
    if (policy.holds(RecomputeKeep::attention_projection))
      bytes.attention_output = bf16_bytes * shard.local_tokens() * shape.hidden;
    if (policy.holds(RecomputeKeep::latents) && shape.attention == AttentionKind::mla)
      bytes.latents = bf16_bytes * shard.local_tokens() * (shape.kv_lora_rank + shape.qk_rope_dim);
    return bytes;
  }
  ActivationBytes bytes = everything_saved(shape, layer, shard, rows);
  drop(bytes, shape, layer, shard, policy);
  return bytes;
}

double layer_activation_bytes(const ModelShape& shape, int layer, const Shard& shard,
                              const RecomputePolicy& policy, double rows) {
  return layer_activations(shape, layer, shard, policy, rows).total();
}

double mtp_projection_activation_bytes(const ModelShape& shape, const Shard& shard) {
  const double elements = shard.local_tokens() * shape.hidden;
  return 2 * elements * (bf16_bytes + saved_operand_bytes(shard));
}

}  // namespace moesim
