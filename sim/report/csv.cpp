#include "report/csv.hpp"

#include "base/csv.hpp"
#include "report/flat.hpp"

namespace moesim {

namespace {

// Whether the option leaves the figure out; its column stays.
bool left_out(const FlatFigure& figure, const JsonOptions& options) {
  return figure.figure.has(kMachine) && !options.machine_facts;
}

}  // namespace

std::string csv_header() {
  std::string line;
  for (const FlatFigure& figure : flat_figures_of(StepReport{}, kCsv))
    line += (line.empty() ? "" : ",") + csv_field(column_of(figure));
  return line + "\n";
}

std::string csv_row(const StepReport& report, const JsonOptions& options) {
  std::string line;
  for (const FlatFigure& figure : flat_figures_of(report, kCsv))
    line += csv_field(left_out(figure, options) ? "" : figure.cell) + ",";
  line.back() = '\n';
  return line;
}

std::string csv_text(const StepReport& report, const JsonOptions& options) {
  return csv_header() + csv_row(report, options);
}

}  // namespace moesim
