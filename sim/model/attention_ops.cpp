// Self-attention of one layer: multi-head, grouped-query and multi-head latent attention.
#include <algorithm>

#include "base/check.hpp"
#include "model/kernel_builders.hpp"
#include "model/layer_ops.hpp"
#include "model/linear_attention_ops.hpp"

namespace moesim {
namespace {

// Heads and widths on this rank.
struct Heads {
  int64_t query = 0, key_value = 0;
  int64_t qk_dim = 0, v_dim = 0;
};

Heads heads_on_rank(const ModelShape& shape, const Shard& shard) {
  Heads heads;
  heads.query = shape.heads / shard.tp;
  if (shape.attention == AttentionKind::mla) {
    // Latent attention is multi-head once keys and values are projected up.
    heads.key_value = heads.query;
    heads.qk_dim = shape.qk_nope_dim + shape.qk_rope_dim;
    heads.v_dim = shape.v_dim;
  } else {
    heads.key_value = std::max(1, shape.kv_heads / shard.tp);  // replicated when tp exceeds them
    heads.qk_dim = heads.v_dim = shape.head_dim;
  }
  return heads;
}

void add_gqa_in(Kernels& kernels, const ModelShape& shape, const Shard& shard, Pass pass) {
  const Heads heads = heads_on_rank(shape, shard);
  const int64_t query_width = heads.query * heads.qk_dim * (shape.attention_gate ? 2 : 1);
  const int64_t out = query_width + 2 * heads.key_value * heads.qk_dim;
  const double tokens = static_cast<double>(shard.gemm_tokens());
  add_linear(kernels,
             {Op::qkv_projection, shard.gemm_tokens(), shape.hidden, out, shape.attention_bias},
             pass, shard.recipe);
  const double query = tokens * static_cast<double>(heads.query * heads.qk_dim);
  const double key = tokens * static_cast<double>(heads.key_value * heads.qk_dim);
  if (shape.qk_norm) {
    add_norm(kernels, query, pass);
    add_norm(kernels, key, pass);
  }
  // Rotation reads and writes queries and keys, one kernel each; its backward is the opposite
  // rotation.
  if (pass != Pass::backward_weight) {
    kernels.push_back(memory_kernel(Op::rope, pass, 2 * bf16_bytes * (query + key), 2));
  }
}

// The rotation of the queries' rope part in place, and the assembly of keys and values:
// Megatron-Core's fused MLA rope.
double mla_rope_bytes(const ModelShape& shape, const Shard& shard, const Heads& heads) {
  const double rotated = 2.0 * shape.qk_rope_dim;
  const double assembled =
      static_cast<double>(shape.qk_nope_dim + shape.v_dim + heads.qk_dim + heads.v_dim);
  return bf16_bytes * static_cast<double>(shard.gemm_tokens()) * static_cast<double>(heads.query) *
         (rotated + assembled);
}

// The down projections are not sharded by tp: each rank projects the tokens it holds.
void add_mla_in(Kernels& kernels, const ModelShape& shape, const Shard& shard, Pass pass) {
  const Heads heads = heads_on_rank(shape, shard);
  const int64_t all = shard.gemm_tokens(), local = shard.local_tokens();
  const auto project = [&](int64_t tokens, int64_t in, int64_t out) {
    add_linear(kernels, {Op::qkv_projection, tokens, in, out}, pass, shard.recipe);
  };
  if (shape.q_lora_rank > 0) {
    project(local, shape.hidden, shape.q_lora_rank);
    add_norm(kernels, static_cast<double>(local) * shape.q_lora_rank, pass);
    project(all, shape.q_lora_rank, heads.query * heads.qk_dim);
  } else {
    project(all, shape.hidden, heads.query * heads.qk_dim);
  }
  project(local, shape.hidden, shape.kv_lora_rank + shape.qk_rope_dim);
  add_norm(kernels, static_cast<double>(local) * shape.kv_lora_rank, pass);
  project(all, shape.kv_lora_rank, heads.query * (shape.qk_nope_dim + shape.v_dim));
  if (pass != Pass::backward_weight) {
    kernels.push_back(memory_kernel(Op::rope, pass, mla_rope_bytes(shape, shard, heads), 2));
  }
}

// q, k, v and the output of attention, in bytes.
struct CoreBytes {
  double query = 0, key_value = 0, output = 0, statistics = 0;
};

CoreBytes core_bytes(const Shard& shard, const Heads& heads) {
  const double tokens = static_cast<double>(shard.gemm_tokens());
  // Every rank of a context-parallel group reads the keys and values of all.
  const double keys = tokens * shard.cp;
  return {bf16_bytes * tokens * static_cast<double>(heads.query * heads.qk_dim),
          bf16_bytes * keys * static_cast<double>(heads.key_value * (heads.qk_dim + heads.v_dim)),
          bf16_bytes * tokens * static_cast<double>(heads.query * heads.v_dim),
          fp32_bytes * tokens * static_cast<double>(heads.query)};
}

}  // namespace

Kernels attention_in_ops(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  MOESIM_CHECK(shape.heads % shard.tp == 0, "{} heads on tp {}", shape.heads, shard.tp);
  Kernels kernels;
  const double elements = static_cast<double>(shard.local_tokens()) * shape.hidden;
  if (pass == Pass::backward_data) add_residual(kernels, elements, pass);
  add_norm(kernels, elements, pass);
  if (is_linear_attention(shape, layer)) {
    add_linear_attention_in(kernels, shape, shard, pass);
  } else if (shape.attention == AttentionKind::mla) {
    add_mla_in(kernels, shape, shard, pass);
  } else {
    add_gqa_in(kernels, shape, shard, pass);
  }
  return kernels;
}

Kernels attention_core_ops(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  Kernels kernels;
  if (pass == Pass::backward_weight) return kernels;
  if (is_linear_attention(shape, layer)) {
    add_linear_attention_core(kernels, shape, shard, pass);
    return kernels;
  }
  const Heads heads = heads_on_rank(shape, shard);
  Kernel kernel;
  kernel.op = Op::attention;
  kernel.pass = pass;
  kernel.kind = KernelKind::attention;
  kernel.sequences = shard.sequences;
  kernel.heads = static_cast<int>(heads.query);
  kernel.kv_heads = static_cast<int>(heads.key_value);
  kernel.query_length = shard.sequence_length / shard.cp;
  kernel.key_length = shard.sequence_length;
  kernel.qk_dim = static_cast<int>(heads.qk_dim);
  kernel.v_dim = static_cast<int>(heads.v_dim);
  kernel.window = attention_window(shape, layer);
  const double pairs =
      shard.sequences * attended_keys(shard.sequence_length, kernel.window) / shard.cp;
  const double per_pair = 2 * pairs * static_cast<double>(heads.query);
  const double qk = static_cast<double>(heads.qk_dim), v = static_cast<double>(heads.v_dim);
  const CoreBytes bytes = core_bytes(shard, heads);
  if (pass == Pass::forward) {
    kernel.flops = per_pair * (qk + v);
    kernel.bytes = bytes.query + bytes.key_value + bytes.output + bytes.statistics;
  } else {
    // QK^T again, dQ and dK; dP and dV: 2.5 times the forward where both widths are equal
    // (FlashAttention-2, arXiv:2307.08691 section 3.1.2). Row sums of dO * O first, conversion of
    // the fp32 dQ last.
    kernel.flops = per_pair * (3 * qk + 2 * v);
    kernel.bytes = 2 * (bytes.query + bytes.key_value + bytes.statistics) + 3 * bytes.output;
    kernel.launches = 3;
  }
  kernels.push_back(kernel);
  return kernels;
}

Kernels attention_out_ops(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  Kernels kernels;
  const bool linear = is_linear_attention(shape, layer);
  const Heads heads = heads_on_rank(shape, shard);
  const int64_t width =
      linear ? static_cast<int64_t>(shape.linear_value_heads) * shape.linear_head_dim / shard.tp
             : heads.query * heads.v_dim;
  const double elements = static_cast<double>(shard.gemm_tokens() * width);
  if (linear) {
    add_gated_norm(kernels, elements, pass);
  } else if (shape.attention_gate && pass != Pass::backward_weight) {
    // output * sigmoid(gate): three tensors forward, five backward.
    kernels.push_back(memory_kernel(Op::attention, pass,
                                    (pass == Pass::forward ? 3 : 5) * bf16_bytes * elements));
  }
  add_linear(kernels, {Op::output_projection, shard.gemm_tokens(), width, shape.hidden}, pass,
             shard.recipe);
  if (pass == Pass::forward)
    add_residual(kernels, static_cast<double>(shard.local_tokens()) * shape.hidden, pass);
  return kernels;
}

}  // namespace moesim
