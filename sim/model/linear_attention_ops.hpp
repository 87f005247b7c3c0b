// Gated DeltaNet (Qwen3-Next; Yang et al., arXiv:2412.06464), the linear-attention layer between
// attention_in_ops and attention_out_ops: approximated by its projections, its convolution and a
// chunked scan.
#pragma once

#include "model/layer_ops.hpp"

namespace moesim {

void add_linear_attention_in(Kernels& kernels, const ModelShape& shape, const Shard& shard,
                             Pass pass);
void add_linear_attention_core(Kernels& kernels, const ModelShape& shape, const Shard& shard,
                               Pass pass);
// RMSNorm of the scan's output times SiLU of the gate.
void add_gated_norm(Kernels& kernels, double elements, Pass pass);

}  // namespace moesim
