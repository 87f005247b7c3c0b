// A validation as a Markdown document with a scatter plot beside it.
#pragma once

#include <string>

#include "measured/validate.hpp"

namespace moesim {

// Writes `path`, and beside it STEM-steps.svg with the stem in lower case (docs/validation/rows.md,
// docs/validation/rows-steps.svg). Text of TABLE.notes.md beside a table goes into the report.
// Kernels and collectives of kernels.csv, kernels-measured.csv and collectives.csv beside a table
// are compared too. Throws RunError when a file cannot be written.
void write_validation_report(const Validation& validation, const std::string& path,
                             const SearchPath& search);

}  // namespace moesim
