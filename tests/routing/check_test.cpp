#include "catch.hpp"
#include "routing/routing.hpp"

namespace moesim {
namespace {

std::string problems_of(const RoutingSpec& spec, const RoutingShape& shape) {
  Problems problems;
  check_routing(spec, shape, {"s.yaml", 4, 3}, problems);
  return problems.text();
}

const RoutingShape qwen{16, 4096, 128, 8, 1, 1, 16, 8};

}  // namespace

TEST_CASE("a sound request has no problems") {
  RoutingSpec spec;
  REQUIRE(problems_of(spec, qwen).empty());
  spec.kind = RoutingKind::histogram;
  spec.histogram.assign(128, 1.0);
  spec.placement = Placement::eplb;
  spec.redundant_experts = 16;
  REQUIRE(problems_of(spec, qwen).empty());
}

TEST_CASE("routing problems name their key and value") {
  RoutingSpec spec;
  spec.kind = RoutingKind::histogram;
  spec.histogram = {1, 2, 3};
  REQUIRE(problems_of(spec, qwen) ==
          "s.yaml:4:3: routing.histogram: has 3 entries for 128 experts");
  spec.histogram.assign(128, 1.0);
  spec.histogram[7] = -2;
  REQUIRE(problems_of(spec, qwen) ==
          "s.yaml:4:3: routing.histogram: entry 7 is -2; loads are finite and not negative");
  spec.histogram.assign(128, 0.0);
  REQUIRE(problems_of(spec, qwen) == "s.yaml:4:3: routing.histogram: has no load at all");
  spec.layer_histograms = {std::vector<double>(128, 1.0), {1}};
  REQUIRE(problems_of(spec, qwen) ==
          "s.yaml:4:3: routing.histogram[1]: has 1 entries for 128 experts");
}

TEST_CASE("all routing problems are reported at once") {
  RoutingSpec spec;
  spec.jitter = -1;
  spec.source_correlation = 1.5;
  spec.pad_to_capacity = true;
  spec.target_overload = 0.5;
  spec.redundant_experts = 3;
  REQUIRE(problems_of(spec, qwen) ==
          "s.yaml:4:3: routing.target_overload: must be in [1, 16], is 0.5\n"
          "s.yaml:4:3: routing.target_overload: needs kind zipf or dirichlet\n"
          "s.yaml:4:3: routing.jitter: must be in [0, 10], is -1\n"
          "s.yaml:4:3: routing.source_correlation: must be in [0, 1], is 1.5\n"
          "s.yaml:4:3: routing.pad_to_capacity: needs a capacity_factor\n"
          "s.yaml:4:3: routing.redundant_experts: needs placement eplb or eplb_global\n"
          "s.yaml:4:3: routing.placement: 128 experts and 3 redundant ones do not spread evenly "
          "over 16 ranks");
}

TEST_CASE("recorded rows and placement tables name the row or slot") {
  RoutingSpec spec;
  spec.kind = RoutingKind::recorded;
  REQUIRE(problems_of(spec, qwen) == "s.yaml:4:3: routing.recorded: has no rows");
  spec.recorded = {{3, 0, 5, 10}, {3, 0, 128, 10}};
  REQUIRE(problems_of(spec, qwen) ==
          "s.yaml:4:3: routing.recorded: row 2 (layer 3, step 0): expert 128 of 128");
  spec = {};
  spec.placement = Placement::table;
  spec.expert_of_slot.assign(128, 0);
  REQUIRE(problems_of(spec, qwen) == "s.yaml:4:3: routing.expert_of_slot: expert 1 has no slot");
  spec.expert_of_slot.assign(130, 0);
  REQUIRE(problems_of(spec, qwen) ==
          "s.yaml:4:3: routing.expert_of_slot: has 130 slots, not a multiple of 16 ranks");
}

TEST_CASE("groups must divide experts and hold the top-k") {
  REQUIRE(problems_of({}, {16, 4096, 128, 8, 3, 1, 16, 8}) ==
          "s.yaml:4:3: routing.n_group: 128 experts do not form 3 groups");
  REQUIRE(problems_of({}, {16, 4096, 128, 8, 64, 2, 16, 8}) ==
          "s.yaml:4:3: routing.topk_group: 2 of 64 groups hold 4 experts, for a top-k of 8");
}

}  // namespace moesim
