// Step times of one scenario under several seeds, as a section below the step's table.
#pragma once

#include <cstdint>
#include <string>

#include "metrics/step_report.hpp"

namespace moesim {

// `shown_seed`: of the run whose table stands above.
std::string distribution_table(const SeedSpread& runs, uint64_t shown_seed);

}  // namespace moesim
