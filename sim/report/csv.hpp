// The report as a table of one row, for spreadsheets: the figures of the JSON output under their
// dotted paths, and summaries of what is a list there, so that every run has the same columns. The
// columns are the figures with the trait kCsv (metrics/figures.hpp).
#pragma once

#include <string>

#include "metrics/step_report.hpp"
#include "report/json.hpp"

namespace moesim {

// A line of names and a line of values (RFC 4180; decimal point, no thousands separators). What the
// options leave out is an empty field.
std::string csv_text(const StepReport& report, const JsonOptions& options = {});

// Several reports under one line of names.
std::string csv_header();
std::string csv_row(const StepReport& report, const JsonOptions& options = {});

}  // namespace moesim
