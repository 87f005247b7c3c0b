#include "catch.hpp"
#include "fixtures/draft.hpp"
#include "metrics/summarize.hpp"

using namespace moesim;

namespace {

Program example() {
  Draft draft(16);
  draft.compute(0, 3e-3);
  draft.compute(1, 1e-3, {draft.compute(1, 1e-3)});
  draft.transfer(send(0, 8, Port::nic, 50e6));
  draft.transfer(send(2, 3, Port::nvlink, 45e6));
  return draft.one_block();
}

const ResourceUse* find(const std::vector<ResourceUse>& uses, const std::string& name) {
  for (const ResourceUse& use : uses)
    if (use.name == name) return &use;
  return nullptr;
}

}  // namespace

TEST_CASE("resources by how busy they were") {
  const Fabric fabric = fabric_of(plain_pod(16));
  const Program program = example();
  const Execution done = run_reference(program, fabric);
  const auto uses = resource_use(program, fabric, done, 100);
  REQUIRE(find(uses, "node0.gpu0.compute") != nullptr);
  CHECK(find(uses, "node0.gpu0.compute")->busy_fraction == Approx(1));
  CHECK(find(uses, "node0.gpu1.compute")->busy_fraction == Approx(2.0 / 3));
  REQUIRE(find(uses, "node1.gpu0.nic.in") != nullptr);
  CHECK(find(uses, "node1.gpu0.nic.in")->busy_fraction == Approx(1.0 / 3));
  CHECK(find(uses, "node1.gpu0.nic.in")->bytes == 50e6);
  CHECK(find(uses, "node0.gpu2.nvlink.out")->busy_fraction == Approx(0.1 / 3));
  CHECK(find(uses, "node0.gpu4.nic.out") == nullptr);  // moved nothing
  CHECK(resource_use(program, fabric, {}, 100).empty());
}

TEST_CASE("the lower bound is the longest of dependencies, device work and link bytes") {
  const Fabric fabric = fabric_of(plain_pod(16));
  {
    const Program program = example();
    const Execution done = run_reference(program, fabric);
    CHECK(lower_bound(program, fabric, done, done.makespan_s).seconds == Approx(3e-3));
    CHECK(lower_bound(program, fabric, done, done.makespan_s).by == "dependencies");
  }
  {
    Draft draft(16);
    for (int i = 0; i < 4; ++i) draft.compute(0, 1e-3);
    const Program program = draft.one_block();
    const Execution done = run_reference(program, fabric);
    const LowerBound bound = lower_bound(program, fabric, done, done.makespan_s);
    CHECK(bound.seconds == Approx(4e-3));
    CHECK(bound.by == "device work");
    CHECK(run_simgrid(program, fabric).makespan_s == Approx(4e-3).epsilon(1e-6));
  }
  {
    Draft draft(16);
    for (int i = 0; i < 4; ++i) draft.transfer(send(i, 8, Port::nic, 50e6));
    const Program program = draft.one_block();
    const Execution done = run_reference(program, fabric);
    const LowerBound bound = lower_bound(program, fabric, done, done.makespan_s);
    CHECK(bound.seconds == Approx(4e-3));
    CHECK(bound.by == "bytes over node1.gpu0.nic.in");
  }
}
