// Says what faults take from a wafer system as a whole (lost wafers, MemoryX), the shape of its
// SwarmX tree, and which wafers to simulate so that folding does not lose the slowest. Knows
// nothing of links or time.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/faults.hpp"
#include "wafer/system.hpp"

namespace moesim {

// Levels of tree nodes between MemoryX and a wafer.
int swarmx_levels(const WaferSystem& system);
// Wafers below a node of this level when the tree is full.
int64_t wafers_below(const WaferSystem& system, int level);
// Nodes of a level, and of all levels, of the whole system.
int64_t swarmx_nodes(const WaferSystem& system, int level);
int64_t swarmx_nodes(const WaferSystem& system);

// A wafer is lost by itself, or with the branch that it hangs on.
bool is_lost(const WaferSystem& system, const FaultSpec& faults, int wafer);

// Counts the lost wafers and takes from MemoryX what its faulty nodes cost. Weights and optimizer
// lie evenly over the nodes that are left, so that every stream and every update ends with the
// slowest of them.
WaferSystem with_faults(WaferSystem system, const FaultSpec& faults);

struct ChosenWafers {
  std::vector<int> wafers;      // of the system, rising
  std::vector<double> weights;  // wafers that each stands for; empty: all alike
};

// Wafers named in a fault, the first below each faulty branch, and one sound wafer beside them that
// stands for the others; where wafers draw their speed, the slowest. `simulated` at least.
ChosenWafers choose_wafers(const WaferSystem& system, const FaultSpec& faults, int simulated,
                           uint64_t seed);

}  // namespace moesim
