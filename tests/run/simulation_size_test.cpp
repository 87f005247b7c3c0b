#include "run/simulation_size.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

Scenario group_of(int ranks) {
  Plan plan;
  plan.ep = ranks;
  return scenario_of(moe_model(4, ranks, 4), ideal_pod(ranks), plan, tiny_batch(ranks));
}

}  // namespace

TEST_CASE("what drives the memory is named: ranks that exchange tokens, or microbatches") {
  const std::vector<MemoryNeed> wide = forecast_size(group_of(65536));
  CHECK(wide[0].of == "who sends tokens to whom among 65536 ranks (plan.ep)");
  CHECK(wide[0].bytes > 50e9);
  Scenario many = group_of(8);
  many.batch.global_batch = 1'000'000'000;
  CHECK(forecast_size(many)[0].of ==
        "the tasks of 125000000 microbatches in 4 layers on 8 simulated ranks of each stage "
        "(batch.global_batch, plan.simulated_replicas)");
  // 20,000 microbatches were measured with 138 MB.
  many.batch.global_batch = 160'000;
  CHECK(forecast_size(many)[0].bytes > 60e6);
  CHECK(forecast_size(many)[0].bytes < 600e6);
}

TEST_CASE("more than the limit is refused, and nothing without a limit") {
  CHECK_NOTHROW(refuse_beyond(group_of(64), 1e9));
  CHECK_NOTHROW(refuse_beyond(group_of(65536), 0));
  CHECK_THROWS_AS(refuse_beyond(group_of(65536), 24e9), RunError);
}
