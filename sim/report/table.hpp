// The report as a person reads it in a terminal: how long the step takes, why, and whether it fits.
#pragma once

#include <string>

#include "metrics/step_report.hpp"

namespace moesim {

// At most 80 columns wide, whatever the figures. Parts of the step that took no time are left out,
// compute never.
std::string table_text(const StepReport& report);

}  // namespace moesim
