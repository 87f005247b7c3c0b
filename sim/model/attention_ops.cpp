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
  int query = 0, key_value = 0;
  int qk_dim = 0, v_dim = 0;

  double query_width() const { return static_cast<double>(query) * qk_dim; }
  double key_width() const { return static_cast<double>(key_value) * qk_dim; }
  double value_width() const { return static_cast<double>(key_value) * v_dim; }
  double output_width() const { return static_cast<double>(query) * v_dim; }
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
  const double tokens = shard.gemm_tokens(), in = shape.hidden;
  const double out = heads.query_width() * (shape.attention_gate ? 2 : 1) + 2 * heads.key_width();
  add_linear(kernels, {Op::qkv_projection, tokens, in, out, shape.attention_bias}, pass,
             shard.recipe);
  const double query = tokens * heads.query_width(), key = tokens * heads.key_width();
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
  const double assembled = shape.qk_nope_dim + shape.v_dim + heads.qk_dim + heads.v_dim;
  return bf16_bytes * shard.gemm_tokens() * heads.query * (rotated + assembled);
}

// The down projections are not sharded by tp: each rank projects the tokens it holds.
void add_mla_in(Kernels& kernels, const ModelShape& shape, const Shard& shard, Pass pass) {
  const Heads heads = heads_on_rank(shape, shard);
  const double all = shard.gemm_tokens(), local = shard.local_tokens();
  const auto project = [&](Op op, double tokens, double in, double out) {
    add_linear(kernels, {op, tokens, in, out}, pass, shard.recipe);
  };
  if (shape.q_lora_rank > 0) {
    project(Op::qkv_projection, local, shape.hidden, shape.q_lora_rank);
    add_norm(kernels, local * shape.q_lora_rank, pass);
    project(Op::mla_up_projection, all, shape.q_lora_rank, heads.query_width());
  } else {
    project(Op::qkv_projection, all, shape.hidden, heads.query_width());
  }
  project(Op::qkv_projection, local, shape.hidden, shape.kv_lora_rank + shape.qk_rope_dim);
  add_norm(kernels, local * shape.kv_lora_rank, pass);
  project(Op::mla_up_projection, all, shape.kv_lora_rank,
          static_cast<double>(heads.query) * (shape.qk_nope_dim + shape.v_dim));
  if (pass != Pass::backward_weight) {
    kernels.push_back(memory_kernel(Op::rope, pass, mla_rope_bytes(shape, shard, heads), 2));
  }
}

// q, k, v and the output of attention, in bytes.
struct CoreBytes {
  double query = 0, key_value = 0, output = 0, statistics = 0;
};

CoreBytes core_bytes(const Shard& shard, const Heads& heads) {
  const double tokens = shard.gemm_tokens();
  // Every rank of a context-parallel group reads the keys and values of all.
  const double keys = tokens * shard.cp;
  return {bf16_bytes * tokens * heads.query_width(),
          bf16_bytes * keys * (heads.key_width() + heads.value_width()),
          bf16_bytes * tokens * heads.output_width(), fp32_bytes * tokens * heads.query};
}

}  // namespace

Kernels attention_in_ops(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  MOESIM_CHECK(shape.heads % shard.tp == 0, "{} heads on tp {}", shape.heads, shard.tp);
  Kernels kernels;
  const double elements = shard.local_tokens() * shape.hidden;
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
  kernel.heads = heads.query;
  kernel.kv_heads = heads.key_value;
  kernel.query_length = shard.sequence_length / shard.cp;
  kernel.key_length = shard.sequence_length;
  kernel.qk_dim = heads.qk_dim;
  kernel.v_dim = heads.v_dim;
  kernel.window = attention_window(shape, layer);
  const double pairs =
      shard.sequences * attended_keys(shard.sequence_length, kernel.window) / shard.cp;
  const double per_pair = 2 * pairs * heads.query;
  const double qk = heads.qk_dim, v = heads.v_dim;
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
  const double width =
      linear ? static_cast<double>(shape.linear_value_heads) * shape.linear_head_dim / shard.tp
             : heads.output_width();
  const double elements = shard.gemm_tokens() * width;
  if (linear) {
    add_gated_norm(kernels, elements, pass);
  } else if (shape.attention_gate && pass != Pass::backward_weight) {
    // output * sigmoid(gate): three tensors forward, five backward.
    kernels.push_back(memory_kernel(Op::attention, pass,
                                    (pass == Pass::forward ? 3 : 5) * bf16_bytes * elements));
  }
  const double hidden = shape.hidden;
  add_linear(kernels, {Op::output_projection, shard.gemm_tokens(), width, hidden}, pass,
             shard.recipe);
  if (pass == Pass::forward) add_residual(kernels, shard.local_tokens() * shape.hidden, pass);
  return kernels;
}

}  // namespace moesim
