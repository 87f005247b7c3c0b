// Tensor-core time of fused attention kernels (FlashAttention, cuDNN) by sequence length, head
// width and mask. Knows nothing of memory or launch.
#pragma once

#include "cluster/device.hpp"
#include "model/kernel.hpp"

namespace moesim {

// Mean keys that a query attends to, by mask and window.
double mean_keys(const Kernel& kernel);

// FLOPs of the kernel from its shapes: 2 (qk_dim + v_dim) per query, key and head forward; 2.5
// times that backward (five products in place of two, FlashAttention-2, arXiv:2307.08691
// section 4.1).
double attention_flops(const Kernel& kernel);

// `flops`: as counted by the model arithmetic; where 0, attention_flops.
double attention_math_s(const Device& device, const Kernel& kernel, double flops);

}  // namespace moesim
