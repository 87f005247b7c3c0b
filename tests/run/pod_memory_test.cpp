#include "run/pod_memory.hpp"

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "plan/shard.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

StageMemoryNeed need_of(double parameters, double activations) {
  StageMemoryNeed need;
  need.state.parameters = parameters;
  need.activations_bytes = activations;
  need.moment = "loss";
  need.held = {{"parameters", parameters, 1}, {"logits", activations, 2}};
  return need;
}

}  // namespace

TEST_CASE("fits, tight within the reserve, or out of memory with what takes most") {
  Pod pod = ideal_pod(8);
  pod.device.memory_bytes = 80e9;
  pod.memory_reserve = 4e9;
  Plan plan;
  plan.memory.fragmentation = 1.1;
  const auto verdict = [&](double parameters, double outside) {
    return memory_rows(pod, plan, outside, {need_of(parameters, 10e9)})[0];
  };
  CHECK(verdict(50e9, 2e9).verdict == "fits");  // 66 + 2 of 76
  CHECK(verdict(50e9, 2e9).reserved_bytes == Approx(66e9));
  CHECK(verdict(58e9, 2e9).verdict == "tight");  // 74.8 + 2
  CHECK(verdict(58e9, 2e9).fits);
  // What an allocator only reserves it can give back: 68 + 12 still fit.
  CHECK(verdict(58e9, 12e9).fits);
  const StageMemory out = verdict(71e9, 2e9);
  CHECK_FALSE(out.fits);
  CHECK(out.verdict == "out_of_memory");
  CHECK(out.missing_bytes() == Approx(3e9));
  CHECK(out.breaks_it == "parameters");
  CHECK(out.moment == "forward of microbatch 0: loss");
  REQUIRE(out.largest.size() == 2);
  CHECK(out.largest[1].count == 2);
}

TEST_CASE("beside the allocator: context, communicators, buffers of a dispatcher") {
  Pod pod = ideal_pod(16);
  pod.device.context_bytes = 1e9;
  pod.communicator_bytes = 1e8;
  pod.dispatchers[Dispatcher::hybridep].worst_case_copies = 2;
  pod.dispatchers[Dispatcher::deepep].buffer_bytes = 5e8;
  const ModelShape model = moe_model(4);
  Plan plan;
  plan.ep = 4;
  const Batch batch = tiny_batch(64);
  const auto outside = [&](Dispatcher dispatcher) {
    plan.dispatcher = dispatcher;
    const Mapping mapping = derive_mapping(plan, 16, 8, batch);
    return memory_outside_bytes(model, pod, plan, mapping, derive_shard(model, plan, batch, 0));
  };
  const double nccl = outside(Dispatcher::nccl);
  CHECK(nccl == Approx(1e9 + 3 * 1e8));  // EP, DP, expert DP
  const double without_ep = nccl - 1e8;
  CHECK(outside(Dispatcher::deepep) - without_ep == Approx(5e8));
  CHECK(outside(Dispatcher::hybridep) - without_ep == Approx(2.0 * 1024 * 4 * 512 * 2));
}

TEST_CASE("the forecast says what a simulation says of balanced routing") {
  Plan plan;
  plan.pp = 2;
  plan.ep = 4;
  RoutingSpec routing;
  routing.kind = RoutingKind::balanced;
  const Scenario scenario = scenario_of(moe_model(4), ideal_pod(16), plan, tiny_batch(64), routing);
  const std::vector<StageMemory> forecast = forecast_memory(scenario);
  const StepReport report = run_step(scenario, {}).report;
  REQUIRE(forecast.size() == report.memory.size());
  for (size_t i = 0; i < forecast.size(); ++i) {
    CHECK(forecast[i].total_bytes == Approx(report.memory[i].total_bytes));
    CHECK(forecast[i].moment == report.memory[i].moment);
  }
}
