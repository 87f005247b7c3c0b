// The step of a wafer system as a LoweredProgram; what the plan leaves open is settled first.
#pragma once

#include "run/lowered_program.hpp"

namespace moesim {

// The scenario's platform must be a wafer system.
std::unique_ptr<LoweredProgram> lower_for_wafers(const Scenario& scenario, uint64_t seed);

}  // namespace moesim
