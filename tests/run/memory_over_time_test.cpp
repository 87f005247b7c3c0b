#include <algorithm>

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "run/run_step.hpp"

using namespace moesim;

TEST_CASE("memory over time reaches the reported peak, and ends at what lasts") {
  Plan plan;
  plan.pp = 2;
  plan.ep = 4;
  const RunResult result =
      run_step(scenario_of(moe_model(4), ideal_pod(16), plan, tiny_batch(64)), {});
  const auto ranks = result.lowered->memory_over_time(result.execution.record);
  REQUIRE(ranks.size() == result.lowered->program().simulated_ranks);
  for (size_t rank : {size_t{0}, ranks.size() - 1}) {
    const StageMemory& stage = result.report.memory[rank == 0 ? 0 : 1];
    const auto& points = ranks[rank];
    REQUIRE(points.size() > 2);
    const double lasting = stage.total_bytes - stage.activations_bytes;
    CHECK(points.front().bytes == Approx(lasting));
    CHECK(points.back().bytes == Approx(lasting));
    double most = 0;
    for (size_t i = 0; i < points.size(); ++i) {
      most = std::max(most, points[i].bytes);
      if (i > 0) CHECK(points[i].time_s >= points[i - 1].time_s);
    }
    CHECK(most == Approx(stage.total_bytes));
  }
}
