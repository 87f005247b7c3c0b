// A validation as text for a terminal and as JSON (docs/formats/reports.md).
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "measured/validate.hpp"

namespace moesim {

std::string validation_table(const Validation& validation);
// {rows: [{table, line, source, model, ..., metric, predicted, measured, error_percent, ...}],
// summary: {...}}.
std::string validation_json(const Validation& validation);

// "TP2 PP8x4 EP32 mbs 1": sizes of 1 are left out.
std::string mapping_text(const ValidatedRow& row);
// Returns the sizes above 1, each in its format, as {"TP{} ", 8}.
std::string sizes_text(std::initializer_list<std::pair<const char*, int>> sizes);

}  // namespace moesim
