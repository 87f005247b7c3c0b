// Which data-parallel cells to simulate when something is wrong with some devices: a step waits for
// its slowest replica, so folding must not lose it.
#pragma once

#include <cstdint>

#include "cluster/faults.hpp"
#include "plan/mapping.hpp"

namespace moesim {

// Cells with a fault named in the scenario are simulated, all of them, and a sound one beside them
// that stands for the others (Mapping::cell_weights says for how many). Where devices draw their
// speed, the cells with the slowest devices are, as many as the plan simulates; the slowest device
// is taken to make the slowest cell.
void choose_faulty_cells(Mapping& mapping, const Plan& plan, const FaultSpec& faults,
                         int gpus_per_node, uint64_t seed);

}  // namespace moesim
