#include "report/distribution.hpp"

#include <fmt/format.h>

#include "report/format.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

std::string distribution_table(const SeedSpread& runs, uint64_t shown_seed) {
  const Distribution& step_s = runs.step_time_s;
  TableCanvas table;
  table.heading("Step time over seeds",
                fmt::format("{} runs, seeds {} to {}; above: the median run, seed {}", step_s.count,
                            runs.first_seed, runs.first_seed + step_s.count - 1, shown_seed));
  const SecondsColumn column(step_s.maximum);
  const auto row = [&](const char* left, double value, const char* right, double other) {
    table.line("  " + fit(left, 20) + fit(column.text(value), 12, Align::right) + "      " +
               fit(right, 20) + fit(column.text(other), 12, Align::right));
  };
  row("mean", step_s.mean, "standard deviation", step_s.standard_deviation);
  row("95 % of the mean", step_s.ci95_low, "to", step_s.ci95_high);
  row("minimum", step_s.minimum, "p50", step_s.p50);
  row("p95", step_s.p95, "p99", step_s.p99);
  table.line("  " + fit("maximum", 20) + fit(column.text(step_s.maximum), 12, Align::right) +
             "      " + fit("p99 above p50", 20) +
             fit(percent_text(step_s.p50 > 0 ? step_s.p99 / step_s.p50 - 1 : 0), 12, Align::right));
  return table.text();
}

}  // namespace moesim
