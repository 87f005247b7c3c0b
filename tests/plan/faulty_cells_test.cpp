#include "plan/faulty_cells.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

// 64 devices, two stages, eight cells of four ranks each.
Plan plan_of(int simulated = 1) {
  Plan plan;
  plan.pp = 2;
  plan.ep = 4;
  plan.simulated_replicas = simulated;
  return plan;
}

Mapping mapping_of(const FaultSpec& faults, int simulated = 1) {
  const Plan plan = plan_of(simulated);
  Mapping mapping = derive_mapping(plan, 64, 8, {64, 1, 1024});
  choose_faulty_cells(mapping, plan, faults, 8, 1);
  return mapping;
}

using Cells = std::vector<int>;

}  // namespace

TEST_CASE("without faults the mapping stays as it is") {
  const Mapping mapping = mapping_of({});
  CHECK(mapping.chosen_cells == Cells{0});
  CHECK(mapping.cell_weights.empty());
}

TEST_CASE("kernel jitter singles out no cell") {
  FaultSpec faults;
  faults.kernel_jitter = 0.1;
  CHECK(mapping_of(faults).chosen_cells == Cells{0});
}

TEST_CASE("the cell of a named fault is simulated, and a sound one for the others") {
  FaultSpec faults;
  faults.devices = {{{.rank = 32 + 4 * 5 + 1}, 0.9}};  // second stage, cell 5
  const Mapping mapping = mapping_of(faults);
  CHECK(mapping.chosen_cells == Cells{0, 5});
  CHECK(mapping.simulated_cells == 2);
  CHECK(mapping.cell_weights == std::vector<double>{7, 1});
  CHECK(simulated_global_ranks(plan_of(), mapping) ==
        Cells{0, 1, 2, 3, 20, 21, 22, 23, 32, 33, 34, 35, 52, 53, 54, 55});
}

TEST_CASE("a faulty node takes all its cells along, a faulty link counts like a slow device") {
  FaultSpec faults;
  faults.links = {{{.node = 1}, 0.5}};  // cells 2 and 3 of the first stage
  CHECK(mapping_of(faults).chosen_cells == Cells{0, 2, 3});
  CHECK(mapping_of(faults, 0).chosen_cells == Cells{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("devices that draw their speed: the cell of the slowest") {
  FaultSpec faults;
  faults.device_spread = 0.1;
  int slowest = 0;
  for (int rank = 0; rank < 64; ++rank)
    if (device_speed(faults, 8, rank, 1) < device_speed(faults, 8, slowest, 1)) slowest = rank;
  const Mapping mapping = mapping_of(faults);
  CHECK(mapping.chosen_cells == Cells{slowest % 32 / 4});
  CHECK(mapping.cell_weights.empty());
}
