#include "model/linear_attention_ops.hpp"

#include <cmath>

#include "model/kernel_builders.hpp"

namespace moesim {
namespace {

constexpr double chunk_tokens = 64;  // flash-linear-attention's chunk (general knowledge)

struct Widths {
  double key = 0, value = 0, value_heads = 0, head_dim = 0;
};

Widths widths_of(const ModelShape& shape, int tp) {
  const double head_dim = shape.linear_head_dim,
               value_heads = static_cast<double>(shape.linear_value_heads) / tp;
  return {shape.linear_key_heads * head_dim / tp, value_heads * head_dim, value_heads, head_dim};
}

// A backward counts as twice the forward, as in Megatron-LM.
double with_pass(double forward_flops, Pass pass) {
  return forward_flops * (pass == Pass::forward ? 1 : 2);
}

}  // namespace

double linear_convolution_flops(const ModelShape& shape) {
  const Widths whole = widths_of(shape, 1);
  return 2 * linear_convolution_width * (2 * whole.key + whole.value);
}

double linear_scan_flops(const ModelShape& shape) {
  const Widths whole = widths_of(shape, 1);
  return 2 * 4 * whole.value_heads * whole.head_dim * whole.head_dim;
}

void add_linear_attention_in(Kernels& kernels, const ModelShape& shape, const Shard& shard,
                             Pass pass) {
  const Widths widths = widths_of(shape, shard.tp);
  const double tokens = shard.gemm_tokens();
  const double out = 2 * widths.key + 2 * widths.value + 2 * widths.value_heads;
  add_linear(kernels,
             {Op::qkv_projection, tokens, static_cast<double>(shape.hidden), std::floor(out)}, pass,
             shard.recipe);
  if (pass == Pass::backward_weight) return;
  // Causal convolution with SiLU over q, k and v, then unit length for q and k: streaming kernels.
  const double elements = tokens * (2 * widths.key + widths.value);
  const double tensors = pass == Pass::forward ? 2 : 3;
  Kernel convolution = memory_kernel(Op::linear_attention, pass, tensors * bf16_bytes * elements);
  convolution.flops = with_pass(tokens * linear_convolution_flops(shape) / shard.tp, pass);
  kernels.push_back(convolution);
  kernels.push_back(
      memory_kernel(Op::linear_attention, pass, tensors * bf16_bytes * tokens * 2 * widths.key, 2));
}

// The scan is a handful of kernels that hand each other tensors through memory: within a chunk the
// interaction matrix and two transformed copies of keys and values; across chunks one state of
// head_dim x head_dim per head and chunk.
void add_linear_attention_core(Kernels& kernels, const ModelShape& shape, const Shard& shard,
                               Pass pass) {
  if (pass == Pass::backward_weight) return;
  const Widths widths = widths_of(shape, shard.tp);
  const double tokens = shard.gemm_tokens();
  const double inputs =
      bf16_bytes * (2 * widths.key + widths.value) + 2 * fp32_bytes * widths.value_heads;
  const double transformed = 2 * bf16_bytes * 2 * widths.value;
  const double interaction = 2 * bf16_bytes * widths.value_heads * chunk_tokens;
  const double states = 2 * bf16_bytes * widths.value * widths.head_dim / chunk_tokens;
  const double output = bf16_bytes * widths.value;
  const double forward_bytes = tokens * (inputs + transformed + interaction + states + output);
  // Backward computes the states again and moves every tensor with its gradient.
  Kernel scan = pass == Pass::forward
                    ? memory_kernel(Op::linear_attention, pass, forward_bytes, 6)
                    : memory_kernel(Op::linear_attention, pass, 2.5 * forward_bytes, 10);
  scan.flops = with_pass(tokens * linear_scan_flops(shape) / shard.tp, pass);
  kernels.push_back(scan);
}

void add_gated_norm(Kernels& kernels, double elements, Pass pass) {
  if (pass == Pass::forward)
    kernels.push_back(memory_kernel(Op::norm, pass, 3 * bf16_bytes * elements));
  if (pass == Pass::backward_data)
    kernels.push_back(memory_kernel(Op::norm, pass, 5 * bf16_bytes * elements, 2));
}

}  // namespace moesim
