#include "batch/result_row.hpp"

#include <algorithm>
#include <cmath>

#include "base/csv.hpp"
#include "report/csv.hpp"
#include "report/flat.hpp"

namespace moesim {
namespace {

// In the order of the report, what sums up a list behind all others.
std::vector<FlatFigure> columns_of_results(const StepReport& report) {
  std::vector<FlatFigure> figures = flat_figures_of(report, kResults);
  std::stable_partition(figures.begin(), figures.end(),
                        [](const FlatFigure& figure) { return !figure.summary; });
  return figures;
}

// Nothing for a figure that is no number, or that sums up a list without entries.
std::string cell_of(const FlatFigure& figure, const StepReport& report) {
  const bool finite = !figure.number || std::isfinite(*figure.number);
  return finite && !(figure.summary && report.memory.empty()) ? figure.cell : "";
}

}  // namespace

std::string result_header(const std::vector<std::string>& keys) {
  std::string line = "name";
  for (const std::string& key : keys) line += "," + csv_field(key);
  for (const FlatFigure& figure : flat_figures_of(RunHeader{}, kResults))
    line += "," + column_of(figure);
  for (const FlatFigure& figure : columns_of_results({})) line += "," + column_of(figure);
  return line + ",message";
}

std::string result_row(const std::vector<std::string>& keys, const StudyRun& run,
                       const StoredRun& stored) {
  std::string line = csv_field(run.name);
  for (const std::string& key : keys) line += "," + csv_field(value_set(run, key));
  for (const FlatFigure& figure : flat_figures_of(stored.run, kResults))
    line += "," + csv_field(figure.cell);
  for (const FlatFigure& figure : columns_of_results(stored.report))
    line += "," + (stored.is_done() ? csv_field(cell_of(figure, stored.report)) : "");
  return line + "," + csv_field(stored.run.message);
}

}  // namespace moesim
