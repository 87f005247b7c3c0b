#include "routing/placement.hpp"

#include <numeric>

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

TEST_CASE("moved slots count weights that a rank did not hold") {
  const ExpertPlacement before = contiguous_placement(8, 4);
  REQUIRE(moved_slots(before, before) == 0);
  REQUIRE(moved_slots(before, {4, 2, {1, 0, 3, 2, 5, 4, 7, 6}}) == 0);
  REQUIRE(moved_slots(before, {4, 2, {2, 1, 0, 3, 4, 5, 6, 7}}) == 2);
  REQUIRE(moved_slots(before, {4, 3, {0, 1, 7, 2, 3, 7, 4, 5, 7, 6, 7, 7}}) == 3);
  REQUIRE(moved_slots(before, {4, 3, {0, 5, 5, 1, 2, 3, 4, 5, 6, 7, 6, 6}}) ==
          3);  // a copy on the rank itself is free
}

}  // namespace moesim
