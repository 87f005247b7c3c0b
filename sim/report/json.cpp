#include "report/json.hpp"

namespace moesim {

std::string json_text(const StepReport& report, const JsonOptions& options) {
  return figures_json(figures_of(report), options);
}

std::string explanation_json(const Explanation& explanation) {
  return figures_json(figures_of(explanation));
}

std::optional<ReadReport> read_report(std::string_view json) {
  ReadReport read;
  const ReadFigures found = read_figures(json, [&](FigureVisitor& v) { visit(v, read.report); });
  if (!found.is_object) return std::nullopt;
  read.given = found.given;
  return read;
}

}  // namespace moesim
