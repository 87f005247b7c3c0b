#include "report/kernels.hpp"

#include <fmt/format.h>

#include "report/figures_json.hpp"

namespace moesim {

namespace {

constexpr double kLeastShown = 0.001, kMatters = 0.05;

std::string line(const KernelRow& row, double step_s) {
  return fmt::format("{:<20} {:<16} {:<34} {:>9} {:>8.4g} {:>6} {:>10.2f} {:>6.1f} %  {}\n", row.op,
                     row.pass, row.shape, row.flops > 0 ? fmt::format("{:.2e}", row.flops) : "-",
                     row.count, row.efficiency > 0 ? fmt::format("{:.3f}", row.efficiency) : "-",
                     row.seconds * 1e3, 100 * row.seconds / step_s, row.source);
}

}  // namespace

std::string kernel_rows_table(const std::vector<KernelRow>& rows, double step_s) {
  std::string text =
      fmt::format("{:<20} {:<16} {:<34} {:>9} {:>8} {:>6} {:>10} {:>8}  {}\n", "operator", "pass",
                  "shape", "FLOP", "count", "peak", "ms", "of step", "efficiency from");
  double rest_s = 0;
  for (const KernelRow& row : rows) {
    if (row.seconds >= kLeastShown * step_s)
      text += line(row, step_s);
    else
      rest_s += row.seconds;
  }
  return text + fmt::format("{:<98} {:>10.2f} {:>6.1f} %\n", "the rest", rest_s * 1e3,
                            100 * rest_s / step_s);
}

std::string kernel_rows_json(const std::vector<KernelRow>& rows) {
  return figures_json([list = rows](FigureVisitor& v) mutable { v.list({"kernels"}, list); });
}

std::string unmeasured_kernels(const std::vector<KernelRow>& rows, double step_s) {
  double seconds = 0;
  const KernelRow* longest = nullptr;
  for (const KernelRow& row : rows) {
    if (row.measured) continue;
    seconds += row.seconds;
    if (longest == nullptr) longest = &row;
  }
  if (longest == nullptr || seconds <= kMatters * step_s) return "";
  return fmt::format(
      "{:.0f} % of the step are kernels unlike any that were measured on this device, most of all "
      "{} {}, {} ({}): `--ops` lists them",
      100 * seconds / step_s, longest->op, longest->pass, longest->shape, longest->source);
}

}  // namespace moesim
