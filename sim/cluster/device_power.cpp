#include "cluster/device_power.hpp"

#include <algorithm>

#include "cluster/device_model.hpp"

namespace moesim {

namespace {

double pj_per_flop(const Device& device, Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return device.bf16_pj_per_flop;
    case Precision::fp8:
      return device.fp8_pj_per_flop > 0 ? device.fp8_pj_per_flop : device.bf16_pj_per_flop;
    case Precision::fp4:
      if (device.fp4_pj_per_flop > 0) return device.fp4_pj_per_flop;
      return pj_per_flop(device, Precision::fp8);
  }
  return device.bf16_pj_per_flop;
}

}  // namespace

double kernel_joules(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  const KernelAmounts amounts = kernel_amounts(kernel, rows);
  const double flops = kernel.kind == KernelKind::memory ? 0 : amounts.flops;
  return 1e-12 * (flops * pj_per_flop(device, kernel.precision) +
                  amounts.bytes * device.memory_pj_per_byte);
}

double power_limited_s(const Device& device, double seconds, double joules, double reserve_j) {
  const double available_w = device.power_w - device.static_power_w;
  return available_w > 0 ? std::max(seconds, (joules - reserve_j) / available_w) : seconds;
}

double sustained_seconds(const Device& device, const Kernel& kernel, std::span<const int> rows,
                         int in_a_row) {
  const double reserve_j = in_a_row > 0 ? device.power_reserve_j / in_a_row : 0;
  return power_limited_s(device, kernel_seconds(device, kernel, rows),
                         kernel_joules(device, kernel, rows), reserve_j);
}

}  // namespace moesim
