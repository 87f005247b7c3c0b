// One scenario on a wafer system from structs to numbers: settle what is left to be chosen, lower,
// simulate, summarise.
#pragma once

#include "run/run_step.hpp"
#include "wafer/step.hpp"

namespace moesim {

// Called by run_step for wafer platforms.
RunResult run_wafer_step(const Scenario& scenario, const RunOptions& options);

// The number of attention tiles with the most tokens/s of one microbatch, each choice that fits
// executed without contention; of choices within 1 % of the best the smallest.
int best_attention_tiles(const WaferStepInput& input);

// "wafer 0", "MemoryX", "SwarmX"
std::string wafer_label(const WaferContext& context, uint32_t simulated_rank);

}  // namespace moesim
