// Says how far measured steps like a scenario's were from their prediction, as a band around one.
#pragma once

#include <optional>
#include <string>

#include "config/scenario.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// `path`: of the scenario, beside which a table of known errors may lie. Nothing where no
// measurements are known; of wafers none are.
std::optional<Band> known_band(const Scenario& scenario, const std::string& path, double step_s);

}  // namespace moesim
