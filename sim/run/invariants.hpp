// Checks at the end of each run what holds of every report, whatever was simulated, so that a wrong
// number never looks like an answer.
#pragma once

#include <string>
#include <vector>

#include "metrics/step_report.hpp"

namespace moesim {

// Returns a sentence for each figure that cannot be; empty: the report may be shown.
std::vector<std::string> broken_invariants(const StepReport& report);

// Throws RunError with all of them, and with what a bug report needs.
void check_invariants(const StepReport& report);

}  // namespace moesim
