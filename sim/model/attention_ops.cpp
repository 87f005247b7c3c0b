// Self-attention of one layer: multi-head, grouped-query and multi-head latent attention.
#include <algorithm>

#include "base/check.hpp"
#include "model/kernel_builders.hpp"
#include "model/layer_ops.hpp"
#include "model/linear_attention_ops.hpp"
#include "model/mixer_ops.hpp"

namespace moesim {
namespace {

AttentionHeads heads_on_rank(const ModelShape& shape, Mixer mixer, const Shard& shard) {
  return attention_heads(shape, mixer, shard.tp);
}

// Keys and values of a rank that holds fewer than one head of them are a whole head all the same.
void add_gqa_projections(Kernels& kernels, const ModelShape& shape, const AttentionHeads& heads,
                         const Shard& shard, Pass pass) {
  const double tokens = shard.gemm_tokens(), in = shape.hidden;
  const double query =
      heads.query_width() * (shape.attention_gate ? 2 : 1) + (shape.head_gate ? heads.query : 0);
  const auto project = [&](double rows, double from, double to) {
    add_linear(kernels, {Op::qkv_projection, rows, from, to, shape.attention_bias}, pass,
               shard.recipe);
  };
  if (shape.q_lora_rank == 0) return project(tokens, in, query + heads.key_value_width());
  project(shard.local_tokens(), in, shape.q_lora_rank);
  add_norm(kernels, shard.local_tokens() * shape.q_lora_rank, pass);
  project(tokens, shape.q_lora_rank, query);
  project(tokens, in, heads.key_value_width());
}

void add_gqa_in(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                Pass pass) {
  const AttentionHeads heads = heads_on_rank(shape, mixer, shard);
  const double tokens = shard.gemm_tokens();
  add_gqa_projections(kernels, shape, heads, shard, pass);
  const double query = tokens * heads.query_width(), key = tokens * heads.key_width();
  if (shape.qk_norm) {
    add_norm(kernels, query, pass);
    add_norm(kernels, key, pass);
  }
  // Rotation reads and writes queries and keys, one kernel each; its backward is the opposite
  // rotation.
  if (pass != Pass::backward_weight) {
    kernels.push_back(unfused(memory_kernel(Op::rope, pass, 2 * bf16_bytes * (query + key), 2),
                              shard.software.rope_factor));
  }
}

// The rotation of the queries' rope part in place, and the assembly of keys and values:
// Megatron-Core's fused MLA rope.
double mla_rope_bytes(const ModelShape& shape, const Shard& shard, const AttentionHeads& heads) {
  const double rotated = 2.0 * shape.qk_rope_dim;
  const double assembled = shape.qk_nope_dim + shape.v_dim + heads.qk_dim + heads.v_dim;
  return bf16_bytes * shard.gemm_tokens() * heads.query * (rotated + assembled);
}

// The down projections are not sharded by tp: each rank projects the tokens it holds.
void add_mla_in(Kernels& kernels, const ModelShape& shape, const Shard& shard, Pass pass) {
  const AttentionHeads heads = heads_on_rank(shape, Mixer::attention, shard);
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
    kernels.push_back(unfused(memory_kernel(Op::rope, pass, mla_rope_bytes(shape, shard, heads), 2),
                              shard.software.rope_factor));
  }
}

// q, k, v and the output of attention, in bytes.
struct CoreBytes {
  double query = 0, key_value = 0, output = 0, statistics = 0;
};

CoreBytes core_bytes(const Shard& shard, const AttentionHeads& heads) {
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
  const Mixer mixer = mixer_of(shape, layer);
  if (mixer == Mixer::none) return kernels;
  const double elements = shard.local_tokens() * shape.hidden;
  add_stream_mixing(kernels, shape, layer, shard, pass);
  if (pass == Pass::backward_data) add_residual(kernels, elements, pass);
  add_norm(kernels, elements, pass);
  if (mixer == Mixer::linear && shape.linear_kind == LinearKind::gated_delta_net) {
    add_linear_attention_in(kernels, shape, shard, pass);
  } else if (!is_attention(mixer)) {
    add_recurrence_in(kernels, shape, mixer, shard, pass);
  } else if (shape.attention == AttentionKind::mla) {
    add_mla_in(kernels, shape, shard, pass);
  } else {
    add_gqa_in(kernels, shape, mixer, shard, pass);
  }
  add_sparse_in(kernels, shape, mixer, shard, pass);
  return kernels;
}

Kernels attention_core_ops(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  Kernels kernels;
  if (pass == Pass::backward_weight) return kernels;
  const Mixer mixer = mixer_of(shape, layer);
  if (mixer == Mixer::linear && shape.linear_kind == LinearKind::gated_delta_net) {
    add_linear_attention_core(kernels, shape, shard, pass);
    return kernels;
  }
  if (!is_attention(mixer)) {
    add_recurrence_core(kernels, shape, mixer, shard, pass);
    return kernels;
  }
  if (mixer == Mixer::sparse || is_compressed(mixer)) {
    add_sparse_core(kernels, shape, mixer, shard, pass);
    return kernels;
  }
  const AttentionHeads heads = heads_on_rank(shape, mixer, shard);
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
  const Mixer mixer = mixer_of(shape, layer);
  if (mixer == Mixer::none) return kernels;
  const double elements = shard.gemm_tokens() * mixer_output_width(shape, mixer) / shard.tp;
  if (mixer == Mixer::linear || (mixer == Mixer::mamba && shape.mamba_heads > 0)) {
    add_gated_norm(kernels, elements, pass);
  } else if (is_attention(mixer) && (shape.attention_gate || shape.head_gate) &&
             pass != Pass::backward_weight) {
    // output * sigmoid(gate): three tensors forward, five backward.
    kernels.push_back(memory_kernel(Op::attention, pass,
                                    (pass == Pass::forward ? 3 : 5) * bf16_bytes * elements));
  }
  const std::vector<Projection> after = mixer_projections(shape, mixer).after;
  for (const Projection& matrix : after)
    add_projection(kernels, matrix, Op::output_projection,
                   after.size() > 1 && &matrix == &after.front() ? Cut::out : Cut::in, shard, pass);
  if (pass == Pass::forward) add_residual(kernels, shard.local_tokens() * shape.hidden, pass);
  return kernels;
}

}  // namespace moesim
