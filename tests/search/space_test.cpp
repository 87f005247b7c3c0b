#include "search/space.hpp"

#include <set>

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

// 8 layers of 16 experts on two nodes of 8, 64 sequences a step.
Scenario base() { return scenario_of(moe_model(8), two_nodes(), {}, tiny_batch(64)); }

bool has(const Mapped& mapped, const std::string& set) {
  return std::find(mapped.sets.begin(), mapped.sets.end(), set) != mapped.sets.end();
}

FreeAxes only(const std::string& axes) { return parse_axes(axes); }

}  // namespace

TEST_CASE("sizes divide the devices, the heads and the experts") {
  // 8 heads on 8 devices a node.
  CHECK(mappings(base(), only("tp")).size() == 4);
  // 16 experts on 16 devices.
  CHECK(mappings(base(), only("ep")).size() == 5);
  // 8 layers on 16 devices: 1, 2, 4 and 8 stages.
  CHECK(mappings(base(), only("pp")).size() == 4);
  // 64 sequences over 16 replicas are 4 each.
  CHECK(mappings(base(), only("micro_batch")).size() == 3);
  for (const Mapped& mapped : mappings(base(), only("pp,ep")))
    CHECK_FALSE((has(mapped, "plan.pp=2") && has(mapped, "plan.ep=16")));
}

TEST_CASE("chunks need a pipeline, full rounds of microbatches and a layer each") {
  std::set<std::string> seen;
  for (const Mapped& mapped : mappings(base(), only("pp,vpp"))) {
    for (const std::string& set : mapped.sets)
      if (set.starts_with("plan.vpp=") && has(mapped, "plan.pp=4")) seen.insert(set);
    if (has(mapped, "plan.pp=1")) CHECK(has(mapped, "plan.vpp=1"));
    if (!has(mapped, "plan.vpp=1")) CHECK(has(mapped, "plan.schedule=interleaved"));
  }
  CHECK(seen == std::set<std::string>{"plan.vpp=1", "plan.vpp=2"});
}

TEST_CASE("variants in recomputation are ordered, and share all else") {
  const std::vector<Mapped> three = mappings(base(), only("recompute"));
  REQUIRE(three.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(three[i].recompute_level == static_cast<int>(i));
    CHECK(three[i].variant == three[0].variant);
  }
  CHECK(has(three[0], "plan.recompute=none"));
  CHECK(has(three[1], "plan.recompute_modules=[moe_act, layernorm]"));
  CHECK(has(three[2], "plan.recompute=full"));
}

TEST_CASE("layers that do not divide get a layout") {
  Scenario odd = base();
  odd.workload.layers = 10;
  for (const Mapped& mapped : mappings(odd, only("pp,vpp")))
    if (has(mapped, "plan.pp=4") && has(mapped, "plan.vpp=1"))
      CHECK(has(mapped, "plan.layout=\"Ett|ttt|ttt|ttL\""));
}

TEST_CASE("axes are named") {
  const FreeAxes axes = parse_axes("tp,micro_batch");
  CHECK(axes.tp);
  CHECK(axes.micro_batch);
  CHECK_FALSE(axes.pp);
  CHECK_THROWS_AS(parse_axes("tp,dp"), InputError);
}
