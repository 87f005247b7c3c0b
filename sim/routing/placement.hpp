// Which expert-parallel rank holds which expert. Takes loads per expert, returns a table of slots;
// an expert may have several slots (replicas), which then share its tokens evenly. Knows nothing of
// how loads come about.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "routing/spec.hpp"

namespace moesim {

// Slot s is on rank s / slots_per_rank; every expert has at least one slot.
struct ExpertPlacement {
  int ranks = 0;
  int slots_per_rank = 0;
  std::vector<int> expert_of_slot;

  int slots() const { return ranks * slots_per_rank; }
};

// `experts` must be divisible by `ranks`.
ExpertPlacement contiguous_placement(int experts, int ranks);
ExpertPlacement round_robin_placement(int experts, int ranks);

// Per slot: which replica of its expert it is, and of how many.
struct Replica {
  int expert = 0;
  int index = 0;
  int count = 1;
};
std::vector<Replica> replicas_of(const ExpertPlacement& placement, int experts);

// Rows of `count` tokens from this source that go to the replica: an even share, the remainder
// rotating with the source so that no replica is favoured. The shares of all replicas add up to
// `count`.
inline int32_t replica_share(const Replica& replica, int32_t count, int source) {
  if (replica.count == 1) return count;
  const int rest = count % replica.count;
  return count / replica.count + ((replica.index + source) % replica.count < rest ? 1 : 0);
}

// Load of each rank under loads per expert.
std::vector<double> rank_loads(const ExpertPlacement& placement,
                               std::span<const double> expert_loads);
// Most loaded rank over the mean rank; 1 when there is no load.
double overload_factor(const ExpertPlacement& placement, std::span<const double> expert_loads);

// Load-driven placement after the idea of DeepSeek's expert-parallelism load balancer
// (github.com/deepseek-ai/EPLB, README): the hottest experts get more replicas, and replicas are
// packed so that ranks carry equal load. Hierarchical: whole groups are packed onto nodes first, so
// that node-limited routing keeps a token's groups on few nodes.

// Returns the replicas of each expert (>= 1, sum = slots): one slot at a time to the expert with
// the highest load per replica.
std::vector<int> replicate_by_load(std::span<const double> loads, int slots);

// Returns the pack of each item. Every pack receives items / packs of them (must divide); heaviest
// first, each into the lightest pack with room, preferring packs that hold no item of the same
// `kind` yet (kinds may be empty).
std::vector<int> pack_by_load(std::span<const double> weights, int packs,
                              std::span<const int> kinds = {});

// Over all ranks at once. `slots` >= experts and divisible by ranks.
ExpertPlacement eplb_global(std::span<const double> loads, int slots, int ranks);

// Groups (contiguous blocks of experts) to nodes, then eplb_global within each node. Requires nodes
// | n_group and nodes | ranks.
ExpertPlacement eplb_hierarchical(std::span<const double> loads, int slots, int ranks, int nodes,
                                  int n_group);

}  // namespace moesim
