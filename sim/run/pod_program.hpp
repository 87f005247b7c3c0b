// The step of a pod of GPUs as a LoweredProgram.
#pragma once

#include "run/lowered_program.hpp"

namespace moesim {

// The scenario's platform must be a pod.
std::unique_ptr<LoweredProgram> lower_for_pod(const Scenario& scenario, uint64_t seed);

}  // namespace moesim
