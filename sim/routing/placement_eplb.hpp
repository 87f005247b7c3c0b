// Load-driven placement after the idea of DeepSeek's expert-parallelism load balancer
// (github.com/deepseek-ai/EPLB, README): give the hottest experts more replicas, then pack replicas
// so that ranks carry equal load. Hierarchical: whole groups are packed onto nodes first, so that
// node-limited routing keeps a token's groups on few nodes.
#pragma once

#include <span>
#include <vector>

#include "routing/placement.hpp"

namespace moesim {

// Replicas of each expert (>= 1, sum = slots): one slot at a time to the expert with the highest
// load per replica.
std::vector<int> replicate_by_load(std::span<const double> loads, int slots);

// Pack of each item. Every pack receives items / packs of them (must divide); heaviest first, each
// into the lightest pack with room, preferring packs that hold no item of the same `kind` yet
// (kinds may be empty).
std::vector<int> pack_by_load(std::span<const double> weights, int packs,
                              std::span<const int> kinds = {});

// Over all ranks at once. `slots` >= experts and divisible by ranks.
ExpertPlacement eplb_global(std::span<const double> loads, int slots, int ranks);

// Groups (contiguous blocks of experts) to nodes, then eplb_global within each node. Requires nodes
// | n_group and nodes | ranks.
ExpertPlacement eplb_hierarchical(std::span<const double> loads, int slots, int ranks, int nodes,
                                  int n_group);

}  // namespace moesim
