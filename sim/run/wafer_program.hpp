// The step of a wafer system as a LoweredProgram; what the plan leaves open is settled first.
#pragma once

#include "run/lowered_program.hpp"
#include "wafer/step.hpp"

namespace moesim {

// The scenario's platform must be a wafer system.
std::unique_ptr<LoweredProgram> lower_for_wafers(const Scenario& scenario, uint64_t seed);

// Returns the number of attention tiles with the most tokens/s of one microbatch, each choice that
// fits executed without contention; of choices within 1 % of the best the smallest.
int best_attention_tiles(const WaferStepInput& input);

}  // namespace moesim
