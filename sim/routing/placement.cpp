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

namespace {

std::vector<int> heaviest_first(std::span<const double> weights) {
  std::vector<int> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return weights[a] > weights[b]; });
  return order;
}

struct Pack {
  double load = 0;
  std::vector<int> kinds;
  int items = 0;

  bool holds(int kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }
};

// Replicating can leave a plain layout ahead when there is nothing to replicate; then the plain one
// stays.
ExpertPlacement better_of(ExpertPlacement packed, std::span<const double> loads) {
  if (packed.expert_of_slot.size() != loads.size()) return packed;
  ExpertPlacement plain = contiguous_placement(static_cast<int>(loads.size()), packed.ranks);
  return overload_factor(plain, loads) <= overload_factor(packed, loads) ? plain : packed;
}

// Experts of each node, node after node: groups packed by their load.
std::vector<std::vector<int>> experts_of_nodes(std::span<const double> loads, int nodes,
                                               int n_group) {
  const int group_size = static_cast<int>(loads.size()) / n_group;
  std::vector<double> group_loads(n_group, 0.0);
  for (size_t expert = 0; expert < loads.size(); ++expert)
    group_loads[expert / group_size] += loads[expert];
  const std::vector<int> node_of_group = pack_by_load(group_loads, nodes);
  std::vector<std::vector<int>> experts(nodes);
  for (size_t expert = 0; expert < loads.size(); ++expert) {
    experts[node_of_group[expert / group_size]].push_back(static_cast<int>(expert));
  }
  return experts;
}

}  // namespace

std::vector<int> replicate_by_load(std::span<const double> loads, int slots) {
  MOESIM_CHECK(slots >= static_cast<int>(loads.size()), "{} slots for {} experts", slots,
               loads.size());
  std::vector<int> replicas(loads.size(), 1);
  for (int extra = slots - static_cast<int>(loads.size()); extra > 0; --extra) {
    size_t hottest = 0;
    for (size_t expert = 1; expert < loads.size(); ++expert) {
      if (loads[expert] * replicas[hottest] > loads[hottest] * replicas[expert]) hottest = expert;
    }
    ++replicas[hottest];
  }
  return replicas;
}

std::vector<int> pack_by_load(std::span<const double> weights, int packs,
                              std::span<const int> kinds) {
  MOESIM_CHECK(packs > 0 && weights.size() % packs == 0, "{} items in {} packs", weights.size(),
               packs);
  const int room = static_cast<int>(weights.size()) / packs;
  std::vector<Pack> filled(packs);
  std::vector<int> pack_of_item(weights.size());
  for (int item : heaviest_first(weights)) {
    const int kind = kinds.empty() ? item : kinds[item];
    int best = -1;
    bool best_holds = false;
    for (int pack = 0; pack < packs; ++pack) {
      if (filled[pack].items == room) continue;
      const bool holds = filled[pack].holds(kind);
      const bool better = best < 0 || holds < best_holds ||
                          (holds == best_holds && filled[pack].load < filled[best].load);
      if (better) best = pack, best_holds = holds;
    }
    filled[best].load += weights[item];
    filled[best].kinds.push_back(kind);
    ++filled[best].items;
    pack_of_item[item] = best;
  }
  return pack_of_item;
}

ExpertPlacement eplb_global(std::span<const double> loads, int slots, int ranks) {
  const std::vector<int> replicas = replicate_by_load(loads, slots);
  std::vector<int> experts;
  std::vector<double> weights;
  for (size_t expert = 0; expert < loads.size(); ++expert) {
    for (int replica = 0; replica < replicas[expert]; ++replica) {
      experts.push_back(static_cast<int>(expert));
      weights.push_back(loads[expert] / replicas[expert]);
    }
  }
  const std::vector<int> rank_of_item = pack_by_load(weights, ranks, experts);
  ExpertPlacement placement{ranks, slots / ranks, std::vector<int>(slots)};
  std::vector<int> filled(ranks, 0);
  for (size_t item = 0; item < experts.size(); ++item) {
    const int rank = rank_of_item[item];
    placement.expert_of_slot[rank * placement.slots_per_rank + filled[rank]++] = experts[item];
  }
  return better_of(std::move(placement), loads);
}

ExpertPlacement eplb_hierarchical(std::span<const double> loads, int slots, int ranks, int nodes,
                                  int n_group) {
  MOESIM_CHECK(n_group % nodes == 0 && ranks % nodes == 0 && slots % ranks == 0,
               "{} groups and {} ranks on {} nodes, {} slots", n_group, ranks, nodes, slots);
  ExpertPlacement placement{ranks, slots / ranks, {}};
  for (const std::vector<int>& experts : experts_of_nodes(loads, nodes, n_group)) {
    std::vector<double> node_loads;
    for (int expert : experts) node_loads.push_back(loads[expert]);
    const ExpertPlacement node = eplb_global(node_loads, slots / nodes, ranks / nodes);
    for (int slot : node.expert_of_slot) placement.expert_of_slot.push_back(experts[slot]);
  }
  return better_of(std::move(placement), loads);
}

}  // namespace moesim
