#include "wafer/device_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {

namespace {

double grouped_seconds(const Wafer& wafer, double weights, std::span<const int> rows) {
  double seconds = 0;
  for (const int count : rows)
    if (count > 0) seconds += weight_seconds(wafer, weights, count);
  return seconds;
}

// Tokens change places at random, so that on a mesh a value crosses (rows + columns) / 3 links on
// average.
double permute_seconds(const Wafer& wafer, double bytes) {
  const double hops = (wafer.grid_rows + wafer.grid_columns) / 3.0;
  return bytes * hops / (wafer.fabric_bytes_per_s * wafer.fabric_efficiency);
}

}  // namespace

double weight_seconds(const Wafer& wafer, double weights, double tokens) {
  const double tokens_per_core = std::ceil(tokens / wafer.grid_rows);
  const double cycles =
      wafer.weight_issue_cycles + tokens_per_core / (wafer.macs_per_cycle * wafer.gemm_efficiency);
  return weights / wafer.grid_columns / wafer.clock_hz * cycles;
}

double wafer_kernel_seconds(const Wafer& wafer, const Kernel& kernel, std::span<const int> rows) {
  const bool sums_tokens = kernel.pass == Pass::backward_weight;
  const double total_rows = std::accumulate(rows.begin(), rows.end(), 0.0);
  const double flops = kernel.flops + total_rows * kernel.flops_per_row;
  switch (kernel.kind) {
    case KernelKind::gemm:
      return sums_tokens ? weight_seconds(wafer, kernel.m * kernel.n, kernel.k)
                         : weight_seconds(wafer, kernel.n * kernel.k, kernel.m);
    case KernelKind::grouped_gemm:
      return grouped_seconds(wafer, kernel.n * (kernel.rows_are_k ? kernel.m : kernel.k), rows);
    case KernelKind::attention:
      return flops / (wafer.peak_flops() * wafer.attention_efficiency);
    case KernelKind::memory:
      break;
  }
  const double bytes = kernel.bytes + total_rows * kernel.bytes_per_row;
  if (kernel.op == Op::permute || kernel.op == Op::unpermute) return permute_seconds(wafer, bytes);
  // Scans of linear attention have FLOPs of their own.
  return std::max(bytes / (wafer.sram_bytes_per_s * wafer.memory_efficiency),
                  flops / (wafer.peak_flops() * wafer.attention_efficiency));
}

}  // namespace moesim
