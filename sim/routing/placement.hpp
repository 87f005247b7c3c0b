// Which expert-parallel rank holds which expert. Takes loads per expert, gives a table of slots; an
// expert may have several slots (replicas), which then share its tokens evenly. Knows nothing of
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

// Expert weights that must travel to get from one placement to the other: slots of `after` whose
// rank did not hold that expert in `before`. A copy within a rank is free.
int moved_slots(const ExpertPlacement& before, const ExpertPlacement& after);

}  // namespace moesim
