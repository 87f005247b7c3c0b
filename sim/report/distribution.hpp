// Step times of one scenario under several seeds, as a section below the step's table.
#pragma once

#include <cstdint>
#include <string>

#include "base/statistics.hpp"

namespace moesim {

// `shown_seed`: of the run whose table stands above.
std::string distribution_table(const Distribution& step_s, uint64_t first_seed, uint64_t shown_seed,
                               bool ascii = false);

}  // namespace moesim
