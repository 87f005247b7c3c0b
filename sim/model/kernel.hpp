// One GPU kernel (or a handful that always run together) as the device model sees it: what it
// multiplies, what it moves. Built by the model arithmetic, costed by cluster/device_model.
#pragma once

#include <cstdint>

namespace moesim {

enum class Pass : uint8_t { forward, backward_data, backward_weight };

// Element type that the tensor cores multiply.
enum class Precision : uint8_t { bf16, fp8, fp4 };

// The operator that a kernel belongs to, as a reader of the timeline knows it.
enum class Op : uint8_t {
  embedding,
  norm,
  qkv_projection,
  mla_up_projection,  // of MLA's latents; reports count it as qkv_projection
  rope,
  attention,
  linear_attention,
  indexer,  // of sparse attention: its projections, scores and choice
  output_projection,
  residual,
  router,
  top_k,
  permute,
  expert_fc1,
  expert_activation,
  expert_fc2,
  unpermute,
  shared_expert,
  dense_ffn,
  cast,
  logits,
  cross_entropy,
  optimizer,
  other,
};

enum class KernelKind : uint8_t { gemm, grouped_gemm, attention, memory };

// Amounts are per rank, after sharding. For kernels of an expert the work depends on the rows
// (tokens) that the routing sends to this rank: totals are then `flops + rows * flops_per_row`, and
// the same for bytes.
struct Kernel {
  Op op = Op::other;
  Pass pass = Pass::forward;
  KernelKind kind = KernelKind::memory;
  Precision precision = Precision::bf16;
  // gemm: [m x k] * [k x n]. grouped_gemm: the rows of a group come with the routing; they are m,
  // and n, k are set. With `rows_are_k` (weight gradients) they are summed over, and m, n are set.
  double m = 0, n = 0, k = 0;
  int groups = 1;
  bool rows_are_k = false;
  // grouped_gemm: a GEMM of its own for each group, a few of them side by side, instead of one
  // kernel over all.
  bool per_expert = false;
  // Both operands carry scales along the summed dimension (weight gradients of block-wise FP8).
  bool vector_scaled = false;
  // attention
  int sequences = 0;
  int heads = 0, kv_heads = 0;
  int64_t query_length = 0, key_length = 0;
  int qk_dim = 0, v_dim = 0;
  bool causal = true;
  int window = 0;
  // totals
  double flops = 0;
  double bytes = 0;  // read + written in device memory
  double flops_per_row = 0;
  double bytes_per_row = 0;
  int launches = 1;  // kernels that follow each other on the device for this entry
  // Kernels that the host issues for this entry, where some run side by side on the device or are
  // too small to count there; 0: as many as `launches`.
  int host_launches = 0;
};

const char* name_of(Op op);
const char* name_of(Pass pass);

}  // namespace moesim
