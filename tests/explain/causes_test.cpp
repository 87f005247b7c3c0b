#include "explain/causes.hpp"

#include <numeric>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

Scenario moe_scenario() {
  Plan plan;
  plan.ep = 8;
  RoutingSpec routing;
  routing.kind = RoutingKind::uniform;
  return scenario_of(moe_model(4), ideal_pod(16), plan, tiny_batch(32), routing);
}

std::vector<std::string> off_of(const Scenario& scenario, const std::string& name) {
  for (const Cause& cause : causes_of(scenario))
    if (cause.name == name) return cause.off;
  return {"none of this name"};
}

using Sets = std::vector<std::string>;

}  // namespace

TEST_CASE("Shapley values sum to the difference between all and nothing") {
  const std::vector<double> step_s = {10, 7, 12, 8, 11, 9, 15, 20};
  const auto values = shapley_values(step_s, 3);
  CHECK(std::accumulate(values.begin(), values.end(), 0.0) ==
        Approx(step_s.back() - step_s.front()));
}

TEST_CASE("independent causes get their own effect, joint ones share") {
  // Bit 0 adds 2, bit 1 takes 3; then: 4 only when both are there.
  const std::vector<double> independent = {10, 12, 7, 9};
  CHECK(shapley_values(independent, 2)[0] == Approx(2));
  CHECK(shapley_values(independent, 2)[1] == Approx(-3));
  const std::vector<double> joint = {10, 10, 10, 14};
  CHECK(shapley_values(joint, 2)[0] == Approx(2));
  CHECK(shapley_values(joint, 2)[1] == Approx(2));
  // By hand, three causes: mean over the six orders.
  const std::vector<double> three = {0, 1, 2, 6, 3, 5, 9, 12};
  const double first = (2 * (1 - 0) + (6 - 2) + (5 - 3) + 2 * (12 - 9)) / 6.0;
  CHECK(shapley_values(three, 3)[0] == Approx(first));
}

TEST_CASE("no causes, no values") { CHECK(shapley_values(std::vector<double>{5}, 0).empty()); }

TEST_CASE("what is switched off is what the scenario has") {
  Scenario s = moe_scenario();
  CHECK(off_of(s, "overlap") ==
        Sets{"plan.overlap_grad_reduce=false", "plan.overlap_param_gather=false"});
  CHECK(off_of(s, "contention") == Sets{"plan.transport=uncontended"});
  CHECK(off_of(s, "imbalance") == Sets{"routing.kind=balanced"});
  CHECK(causes_of(s).size() == 3);
  s.plan.zero_stage = 3;
  CHECK(off_of(s, "overlap") ==
        Sets{"plan.overlap_grad_reduce=false", "plan.overlap_param_gather=false"});
  s.plan.zero_stage = 0;  // gathers nothing
  CHECK(off_of(s, "overlap") == Sets{"plan.overlap_grad_reduce=false"});
  s.plan.zero_stage = 1;
  s.plan.overlap_grad_reduce = s.plan.overlap_param_gather = false;
  s.plan.schedule = ScheduleKind::dualpipe;
  s.plan.cp = 2;
  s.routing.kind = RoutingKind::balanced;
  s.faults.kernel_jitter = 0.1;
  CHECK(off_of(s, "overlap") == Sets{"plan.overlap_blocks=false", "plan.cp_kind=all_gather"});
  CHECK(off_of(s, "imbalance").empty());
  CHECK(off_of(s, "faults").size() == 5);
}
