// The reference of figures that docs/formats/reports.md contains and `moesim schema --report`
// prints: made from the same list as the reports, so that it cannot be out of date.
#pragma once

#include <string>

#include "report/figures_json.hpp"

namespace moesim {

// Returns a Markdown table of the keys that the JSON of such a struct has, in their order, with the
// kind of value, the meaning and where else the figure appears. Items of a list stand under
// "memory[].fits".
std::string keys_table(const VisitFigures& visit_all);

// Returns the tables of a report, of the columns that stand for its lists in CSV, and of an
// explanation, each below a heading.
std::string reports_reference();

}  // namespace moesim
