// The few forms that all operators are made of: a linear layer in its three passes with the casts
// its precision recipe needs, a grouped linear layer whose rows come with the routing, and a kernel
// that only moves memory.
#pragma once

#include "model/layer_ops.hpp"

namespace moesim {

inline constexpr double bf16_bytes = 2;
inline constexpr double fp32_bytes = 4;

// Returns the bytes of one GEMM operand element in device memory, its share of the scales included.
double operand_bytes(PrecisionRecipe recipe);

// y = x W with x [tokens x in] and W [in x out], all already this rank's share.
struct Linear {
  Op op = Op::other;
  double tokens = 0;
  double in = 0;
  double out = 0;
  bool bias = false;
};

// forward: cast of x, GEMM. backward_data: cast of dy, GEMM. backward_weight: GEMM that accumulates
// into the fp32 main gradient (read and written: Megatron-LM's gradient accumulation fusion). x and
// dy are cast once, in both the orientations that the GEMMs want; weights are cast once a step, by
// weight_cast_ops.
void add_linear(Kernels& kernels, const Linear& linear, Pass pass, PrecisionRecipe recipe);

// As add_linear for `groups` weight matrices [in x out]; the rows of each group come with the
// routing (`tokens` is ignored), so that work is per row and the weights' bytes are fixed.
// `per_expert`: Shard::kernels_per_expert.
void add_grouped_linear(Kernels& kernels, const Linear& linear, int groups, Pass pass,
                        PrecisionRecipe recipe, bool per_expert);

Kernel memory_kernel(Op op, Pass pass, double bytes, int launches = 1);
Kernel row_kernel(Op op, Pass pass, double bytes_per_row, int launches = 1);
// Returns the kernel as several operators that together move `factor` times its bytes.
Kernel unfused(Kernel kernel, double factor);

// RMSNorm over this many elements. Forward reads x and writes y; backward reads dy and x and writes
// dx, and reduces the weight's gradient in a second kernel. Nothing in the weight pass.
void add_norm(Kernels& kernels, double elements, Pass pass);

// The residual connection: an addition forward. Backward its gradient is added to the branch's,
// which this emits where the branch begins.
void add_residual(Kernels& kernels, double elements, Pass pass);

// Returns the bytes per token of SwiGLU (or, not gated, GELU) from `width` times 2 (or 1) to
// `width` elements.
double activation_bytes(bool gated, double width, Pass pass);

}  // namespace moesim
