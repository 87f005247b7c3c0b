// Seconds of exclusive device time that a kernel takes: roofline with launch cost, tile and wave
// quantisation for GEMM and grouped GEMM, attention efficiency by sequence and head size. Never
// below `kernel_lower_bound_s`.
#pragma once

#include <span>

#include "cluster/device.hpp"
#include "model/kernel.hpp"

namespace moesim {

struct KernelAmounts {
  double flops = 0;
  double bytes = 0;
  int64_t rows = 0;  // of all local experts
};
KernelAmounts kernel_amounts(const Kernel& kernel, std::span<const int> rows);

// At the boost clock: for longer than a moment, cluster/device_power.hpp stretches it.
// `rows`: tokens of each local expert, for kernels whose work depends on the routing; empty
// otherwise.
double kernel_seconds(const Device& device, const Kernel& kernel, std::span<const int> rows = {});

// max(flops / peak, bytes / memory bandwidth): no kernel is faster.
double kernel_lower_bound_s(const Device& device, const Kernel& kernel,
                            std::span<const int> rows = {});

double peak_flops(const Device& device, Precision precision);

}  // namespace moesim
