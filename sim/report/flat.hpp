// The figures of a report that stand alone, in one list: what CSV, results.csv, comparisons and
// tables read. Lists of the report are left out; summaries stand in their place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/step_report.hpp"
#include "report/figures_json.hpp"

namespace moesim {

struct FlatFigure {
  std::string path;   // dotted, as in JSON: "breakdown_s.compute"
  std::string group;  // the path without its last key
  Figure figure;
  std::string cell;              // the value in CSV: numbers read back exactly
  std::optional<double> number;  // the value where it is a number
  bool summary = false;          // follows from a list; not a key of the JSON report
};

// Returns every figure that has one of the traits, in the order of the visit. A setting that is a
// map counts as its leaves, in the path of each: "plan.ep".
std::vector<FlatFigure> flat_figures(const VisitFigures& visit_all, unsigned traits);

template <class Struct>
std::vector<FlatFigure> flat_figures_of(const Struct& value, unsigned traits) {
  return flat_figures(figures_of(value), traits);
}

// The name of the column that the figure has in CSV.
std::string column_of(const FlatFigure& figure);

}  // namespace moesim
