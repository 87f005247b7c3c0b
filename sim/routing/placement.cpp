#include "routing/placement.hpp"

#include <algorithm>
#include <numeric>

#include "base/check.hpp"

namespace moesim {

ExpertPlacement contiguous_placement(int experts, int ranks) {
  MOESIM_CHECK(ranks > 0 && experts % ranks == 0, "{} experts on {} ranks", experts, ranks);
  ExpertPlacement placement{ranks, experts / ranks, std::vector<int>(experts)};
  std::iota(placement.expert_of_slot.begin(), placement.expert_of_slot.end(), 0);
  return placement;
}

ExpertPlacement round_robin_placement(int experts, int ranks) {
  ExpertPlacement placement = contiguous_placement(experts, ranks);
  for (int slot = 0; slot < experts; ++slot) {
    placement.expert_of_slot[slot] =
        slot % placement.slots_per_rank * ranks + slot / placement.slots_per_rank;
  }
  return placement;
}

std::vector<Replica> replicas_of(const ExpertPlacement& placement, int experts) {
  std::vector<int> count(experts, 0);
  std::vector<Replica> replicas;
  replicas.reserve(placement.expert_of_slot.size());
  for (int expert : placement.expert_of_slot) {
    MOESIM_CHECK(expert >= 0 && expert < experts, "slot of expert {} of {}", expert, experts);
    replicas.push_back({expert, count[expert]++, 1});
  }
  for (Replica& replica : replicas) replica.count = count[replica.expert];
  return replicas;
}

std::vector<double> rank_loads(const ExpertPlacement& placement,
                               std::span<const double> expert_loads) {
  std::vector<double> loads(placement.ranks, 0.0);
  const std::vector<Replica> replicas =
      replicas_of(placement, static_cast<int>(expert_loads.size()));
  for (int slot = 0; slot < placement.slots(); ++slot) {
    loads[slot / placement.slots_per_rank] +=
        expert_loads[replicas[slot].expert] / replicas[slot].count;
  }
  return loads;
}

double overload_factor(const ExpertPlacement& placement, std::span<const double> expert_loads) {
  const std::vector<double> loads = rank_loads(placement, expert_loads);
  const double total = std::accumulate(loads.begin(), loads.end(), 0.0);
  return total > 0 ? *std::max_element(loads.begin(), loads.end()) * placement.ranks / total : 1;
}

int moved_slots(const ExpertPlacement& before, const ExpertPlacement& after) {
  MOESIM_CHECK(before.ranks == after.ranks, "{} ranks before, {} after", before.ranks, after.ranks);
  int moved = 0;
  for (int rank = 0; rank < after.ranks; ++rank) {
    const auto held = before.expert_of_slot.begin() + rank * before.slots_per_rank;
    std::vector<int> seen;
    for (int slot = 0; slot < after.slots_per_rank; ++slot) {
      const int expert = after.expert_of_slot[rank * after.slots_per_rank + slot];
      const bool here =
          std::find(held, held + before.slots_per_rank, expert) != held + before.slots_per_rank;
      if (here || std::find(seen.begin(), seen.end(), expert) != seen.end()) continue;
      seen.push_back(expert);
      ++moved;
    }
  }
  return moved;
}

}  // namespace moesim
