#include "cluster/device_model.hpp"

#include <algorithm>
#include <cmath>

#include "cluster/device_attention.hpp"
#include "cluster/device_gemm.hpp"

namespace moesim {

KernelAmounts kernel_amounts(const Kernel& kernel, std::span<const int> rows) {
  int64_t total = 0, busy = 0;
  for (const int count : rows) {
    total += count;
    busy += count > 0;
  }
  // Weights of a group without rows are never read, its gradient never written.
  const bool grouped = kernel.kind == KernelKind::grouped_gemm && !rows.empty();
  const double active = grouped ? static_cast<double>(busy) / static_cast<double>(rows.size()) : 1;
  const double count = static_cast<double>(total);
  return {kernel.flops + count * kernel.flops_per_row,
          kernel.bytes * active + count * kernel.bytes_per_row, total};
}

namespace {

double math_seconds(const Device& device, const Kernel& kernel, std::span<const int> rows,
                    double flops) {
  switch (kernel.kind) {
    case KernelKind::gemm:
      return gemm_math_s(device, kernel);
    case KernelKind::grouped_gemm:
      return grouped_gemm_math_s(device, kernel, rows);
    case KernelKind::attention:
      return attention_math_s(device, kernel, flops);
    case KernelKind::memory:
      return 0;
  }
  return 0;
}

// A GEMM hides its loads behind its products, but not at its edges: where both take as long,
// DeepGEMM's grouped kernels (256 rows per group) take about 1.3 times either. The cube norm has
// that, and fades fast on both sides.
double overlap_s(double math_s, double streaming_s) {
  const double longer = std::max(math_s, streaming_s);
  if (longer <= 0) return 0;
  const double ratio = std::min(math_s, streaming_s) / longer;
  return longer * std::cbrt(1 + ratio * ratio * ratio);
}

double launches_of(const Kernel& kernel, std::span<const int> rows) {
  if (!kernel.per_expert || rows.empty()) return kernel.launches;
  return static_cast<double>(
      std::count_if(rows.begin(), rows.end(), [](int count) { return count > 0; }));
}

}  // namespace

double peak_flops(const Device& device, Precision precision) {
  const double fp8 = device.peak_fp8_flops > 0 ? device.peak_fp8_flops : device.peak_bf16_flops;
  switch (precision) {
    case Precision::bf16:
      return device.peak_bf16_flops;
    case Precision::fp8:
      return fp8;
    case Precision::fp4:
      return device.peak_fp4_flops > 0 ? device.peak_fp4_flops : fp8;
  }
  return device.peak_bf16_flops;
}

double kernel_lower_bound_s(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  const KernelAmounts amounts = kernel_amounts(kernel, rows);
  return std::max(amounts.flops / peak_flops(device, kernel.precision),
                  amounts.bytes / device.memory_bytes_per_s);
}

double kernel_seconds(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  const KernelAmounts amounts = kernel_amounts(kernel, rows);
  const bool idle = kernel.kind == KernelKind::grouped_gemm && !rows.empty() && amounts.rows <= 0;
  if (idle) return kernel.launches * device.launch_s;
  const double streaming_rate = device.memory_bytes_per_s * device.memory_efficiency;
  if (kernel.kind == KernelKind::memory) {
    // The half-size term is the ramp of every kernel launched.
    const double streaming =
        (amounts.bytes + kernel.launches * device.memory_half_bytes) / streaming_rate;
    return kernel.launches * device.launch_s +
           std::max(streaming, amounts.flops / device.peak_bf16_flops);
  }
  const double peak_s = amounts.flops / peak_flops(device, kernel.precision);
  const double math = math_seconds(device, kernel, rows, amounts.flops),
               streaming = amounts.bytes / streaming_rate;
  const double busy =
      kernel.kind == KernelKind::attention
          ? std::max({math, streaming, peak_s})
          : overlap_s(std::max(math, peak_s / device.sustained_efficiency), streaming);
  return launches_of(kernel, rows) * (device.launch_s + device.gemm_overhead_s) + busy;
}

}  // namespace moesim
