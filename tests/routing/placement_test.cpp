#include "routing/placement.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/random.hpp"
#include "catch.hpp"

namespace moesim {

TEST_CASE("contiguous and round-robin placements") {
  REQUIRE(contiguous_placement(8, 4).expert_of_slot == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  REQUIRE(round_robin_placement(8, 4).expert_of_slot == std::vector<int>{0, 4, 1, 5, 2, 6, 3, 7});
  REQUIRE(round_robin_placement(8, 4).slots_per_rank == 2);
}

TEST_CASE("replicas share every count completely and evenly") {
  const ExpertPlacement placement{3, 2, {0, 1, 2, 0, 0, 3}};
  const std::vector<Replica> replicas = replicas_of(placement, 4);
  REQUIRE(replicas[4].index == 2);
  REQUIRE(replicas[4].count == 3);
  REQUIRE(replicas[1].count == 1);
  std::vector<int> total(3, 0);
  for (int source = 0; source < 30; ++source) {
    for (int count : {0, 1, 2, 7, 100}) {
      int sum = 0;
      for (int slot : {0, 3, 4}) {
        const int share = replica_share(replicas[slot], count, source);
        REQUIRE(share >= count / 3);
        REQUIRE(share <= count / 3 + 1);
        sum += share;
        total[replicas[slot].index] += share;
      }
      REQUIRE(sum == count);
    }
  }
  REQUIRE(total[0] == total[1]);
  REQUIRE(total[1] == total[2]);
}

TEST_CASE("rank loads conserve load, and the overload factor is the heaviest over the mean") {
  const std::vector<double> loads{6, 1, 2, 3};
  const ExpertPlacement placement{3, 2, {0, 1, 2, 0, 0, 3}};
  REQUIRE(rank_loads(placement, loads) == std::vector<double>{3, 4, 5});
  REQUIRE(overload_factor(placement, loads) == Approx(5.0 / 4));
  REQUIRE(overload_factor(contiguous_placement(4, 2), std::vector<double>(4, 0.0)) == 1.0);
}

namespace {

std::vector<double> zipf_loads(int experts, double exponent, uint64_t seed) {
  std::vector<double> loads(experts);
  for (int r = 0; r < experts; ++r) loads[r] = std::pow(r + 1, -exponent);
  Random random(seed, {1});
  for (int i = experts - 1; i > 0; --i) std::swap(loads[i], loads[random.next() % (i + 1)]);
  return loads;
}

void require_complete(const ExpertPlacement& placement, std::span<const double> loads, int slots) {
  REQUIRE(placement.slots() == slots);
  REQUIRE(static_cast<int>(placement.expert_of_slot.size()) == slots);
  const std::set<int> present(placement.expert_of_slot.begin(), placement.expert_of_slot.end());
  REQUIRE(present.size() == loads.size());
  const std::vector<double> ranks = rank_loads(placement, loads);
  REQUIRE(std::accumulate(ranks.begin(), ranks.end(), 0.0) ==
          Approx(std::accumulate(loads.begin(), loads.end(), 0.0)));
}

}  // namespace

TEST_CASE("the hottest expert per replica is replicated next") {
  const std::vector<double> loads{8, 3, 1};
  REQUIRE(replicate_by_load(loads, 3) == std::vector<int>{1, 1, 1});
  REQUIRE(replicate_by_load(loads, 5) == std::vector<int>{3, 1, 1});
  REQUIRE(replicate_by_load(loads, 6) == std::vector<int>{3, 2, 1});  // 8/3 < 3
}

TEST_CASE("packs hold equally many items and nearly equal weight") {
  const std::vector<double> weights{9, 1, 8, 2, 7, 3, 6, 4};
  const std::vector<int> packs = pack_by_load(weights, 4);
  std::vector<double> load(4, 0.0);
  std::vector<int> items(4, 0);
  for (size_t i = 0; i < weights.size(); ++i) load[packs[i]] += weights[i], ++items[packs[i]];
  REQUIRE(items == std::vector<int>{2, 2, 2, 2});
  REQUIRE(load == std::vector<double>{10, 10, 10, 10});
}

TEST_CASE("replicas of one expert spread over ranks where there is room") {
  const std::vector<double> loads{100, 1, 1, 1, 1, 1};
  const ExpertPlacement placement = eplb_global(loads, 8, 4);
  int holders = 0;
  for (int rank = 0; rank < 4; ++rank) {
    holders += std::count(placement.expert_of_slot.begin() + 2 * rank,
                          placement.expert_of_slot.begin() + 2 * rank + 2, 0) > 0;
  }
  REQUIRE(holders == 3);
}

TEST_CASE("EPLB is never worse than contiguous on Zipf loads, and replicas help further") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (double exponent : {0.0, 0.3, 0.7, 1.0, 1.5}) {
      const std::vector<double> loads = zipf_loads(64, exponent, seed);
      const double contiguous = overload_factor(contiguous_placement(64, 16), loads);
      const ExpertPlacement packed = eplb_global(loads, 64, 16),
                            replicated = eplb_global(loads, 96, 16);
      const ExpertPlacement by_node = eplb_hierarchical(loads, 96, 16, 2, 8);
      const ExpertPlacement by_node_packed = eplb_hierarchical(loads, 64, 16, 2, 8);
      require_complete(packed, loads, 64);
      require_complete(replicated, loads, 96);
      require_complete(by_node, loads, 96);
      require_complete(by_node_packed, loads, 64);
      REQUIRE(overload_factor(packed, loads) <= contiguous + 1e-12);
      REQUIRE(overload_factor(by_node_packed, loads) <= contiguous + 1e-12);
      REQUIRE(overload_factor(replicated, loads) <= overload_factor(packed, loads) + 0.02);
      REQUIRE(overload_factor(by_node, loads) <= contiguous + 0.02);
      REQUIRE(overload_factor(replicated, loads) < 1.1);
    }
  }
}

TEST_CASE("hierarchical EPLB keeps every group on one node") {
  const std::vector<double> loads = zipf_loads(64, 1.0, 3);
  const ExpertPlacement placement = eplb_hierarchical(loads, 80, 16, 4, 8);
  std::vector<std::set<int>> nodes_of_group(8);
  for (int slot = 0; slot < 80; ++slot)
    nodes_of_group[placement.expert_of_slot[slot] / 8].insert(slot / 20);
  for (const auto& nodes : nodes_of_group) REQUIRE(nodes.size() == 1);
}

// Loads printed as an example in the README of github.com/deepseek-ai/EPLB.
// What the README's placement gives its busiest GPU: 156 of a mean of 129.1, and 179.5 of 144.5.
TEST_CASE("published example loads balance as published") {
  const std::vector<double> layer0{90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86};
  const std::vector<double> layer1{20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27};
  CHECK(overload_factor(eplb_hierarchical(layer0, 16, 8, 2, 4), layer0) ==
        Approx(156.0 * 8 / 1033));
  CHECK(overload_factor(eplb_hierarchical(layer1, 16, 8, 2, 4), layer1) ==
        Approx(179.5 * 8 / 1156));
}

TEST_CASE("published example loads balance on 8 GPUs with 4 redundant experts") {
  const std::vector<double> layer0{90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86};
  const std::vector<double> layer1{20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27};
  for (const auto& loads : {layer0, layer1}) {
    const ExpertPlacement placement = eplb_hierarchical(loads, 16, 8, 2, 4);
    require_complete(placement, loads, 16);
    REQUIRE(overload_factor(placement, loads) < 1.45);
    REQUIRE(overload_factor(eplb_global(loads, 16, 8), loads) < 1.2);
  }
}

}  // namespace moesim
