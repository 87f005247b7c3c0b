#include "lower/kernel_use.hpp"

#include <fmt/format.h>

#include "cluster/device_model.hpp"
#include "cluster/device_power.hpp"

namespace moesim {

namespace {

std::string shape_of(const Kernel& kernel, const KernelAmounts& amounts) {
  const double groups = kernel.groups;
  const auto rows = static_cast<double>(amounts.rows);
  switch (kernel.kind) {
    case KernelKind::gemm:
      return fmt::format("{:.0f}x{:.0f}x{:.0f}", kernel.m, kernel.n, kernel.k);
    case KernelKind::grouped_gemm:
      return kernel.rows_are_k ? fmt::format("{:.0f} of {:.0f}x{:.0f}x{:.0f}", groups, kernel.m,
                                             kernel.n, rows / groups)
                               : fmt::format("{:.0f} of {:.0f}x{:.0f}x{:.0f}", groups,
                                             rows / groups, kernel.n, kernel.k);
    case KernelKind::attention:
      return fmt::format("{} of {} heads, {}x{}, {}+{}", kernel.sequences, kernel.heads,
                         kernel.query_length, kernel.key_length, kernel.qk_dim, kernel.v_dim);
    case KernelKind::memory:
      return fmt::format("{:.1f} MB", amounts.bytes / 1e6);
  }
  return "";
}

}  // namespace

KernelUse kernel_use(const Device& device, const Kernel& kernel, std::span<const int> rows,
                     uint8_t op) {
  const KernelAmounts amounts = kernel_amounts(kernel, rows);
  KernelUse use;
  use.op = op;
  use.pass = name_of(kernel.pass);
  use.shape = shape_of(kernel, amounts);
  use.flops = kernel.kind == KernelKind::memory ? 0 : amounts.flops;
  use.bytes = amounts.bytes;
  use.joules = kernel_joules(device, kernel, rows);
  use.peak_flops = peak_flops(device, kernel.precision);
  if (kernel.kind == KernelKind::memory) {
    use.source = "bandwidth";
    return use;
  }
  const bool attention = kernel.kind == KernelKind::attention;
  const double least =
                   attention ? device.attention_fitted_least_flops : device.gemm_fitted_least_flops,
               most =
                   attention ? device.attention_fitted_most_flops : device.gemm_fitted_most_flops;
  // One GEMM of a loop over experts is what was measured.
  const double each = use.flops / (kernel.per_expert ? kernel.groups : 1);
  if (most <= 0) {
    use.measured = false;
    use.source = "no kernel of this device was measured";
  } else if (each > 0 && (each < least || each > most)) {
    use.measured = false;
    use.source = fmt::format("measured from {:.1g} to {:.1g} FLOP only", least, most);
  } else {
    use.source = "measured range";
  }
  return use;
}

}  // namespace moesim
