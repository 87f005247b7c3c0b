// Tensor-core time of GEMM and grouped GEMM kernels: output tiles in waves over the SMs. The best
// of a few tile shapes and split-K factors is taken, as the heuristics of cuBLAS, CUTLASS and
// DeepGEMM do. Knows nothing of memory or launch.
#pragma once

#include <span>

#include "cluster/device.hpp"
#include "model/kernel.hpp"

namespace moesim {

// Never falls when m, n or k grows, never rises with the peak.
double gemm_math_s(const Device& device, const Kernel& kernel);

// `rows` per group; empty: kernel.m rows dealt evenly over kernel.groups. With kernel.rows_are_k
// the output of a group is kernel.m x kernel.n (kernel.k x kernel.n where m is 0) and the rows are
// summed over.
double grouped_gemm_math_s(const Device& device, const Kernel& kernel, std::span<const int> rows);

}  // namespace moesim
