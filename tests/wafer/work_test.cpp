#include "wafer/work.hpp"

#include "catch.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"
#include "wafer/step.hpp"

using namespace moesim;

namespace {

std::unique_ptr<LoweredWaferStep> lowered(RoutingSpec routing, int wafers = 2) {
  WaferSystem system =
      load_platform("cs2", {"systems=" + std::to_string(wafers)}, {{MOESIM_SOURCE_DIR}}).wafers();
  Plan plan;
  plan.recompute = Recompute::full;
  plan.simulated_replicas = 0;  // all wafers
  return lower_wafer_step(
      {moe_model(2), std::move(system), plan, std::move(routing), Batch{4 * wafers, 2, 1024}, 1});
}

InstanceData filled(const LoweredWaferStep& step, const Block& block) {
  InstanceData data;
  const TaskGraph& graph = step.program.templates[block.graph];
  data.reset(graph);
  step.work->fill(block, graph, data);
  return data;
}

bool has_draws(const LoweredWaferStep& step, const Block& block) {
  const TaskGraph& graph = step.program.templates[block.graph];
  return graph.drawn_computes + graph.drawn_transfers > 0;
}

}  // namespace

TEST_CASE("amounts of a wafer block are the same however often they are asked for") {
  RoutingSpec routing;
  routing.kind = RoutingKind::zipf;
  routing.exponent = 1;
  const auto step = lowered(routing);
  std::vector<InstanceData> first;
  for (const Block& block : step->program.blocks)
    if (has_draws(*step, block)) first.push_back(filled(*step, block));
  REQUIRE(first.size() >= 4);
  (void)step->work->statistics();
  size_t next = 0;
  for (const Block& block : step->program.blocks)
    if (has_draws(*step, block)) CHECK(filled(*step, block).seconds == first[next++].seconds);
}

TEST_CASE("flows of one transfer are those that fill writes") {
  const auto step = lowered({});
  for (const Block& block : step->program.blocks) {
    if (!has_draws(*step, block)) continue;
    const InstanceData data = filled(*step, block);
    for (const Task& task : step->program.templates[block.graph].tasks) {
      if (task.kind != TaskKind::transfer || task.draw < 0) continue;
      const std::vector<Flow> alone = step->work->flows(block, task);
      const std::vector<Flow>& among = data.flows[task.draw];
      REQUIRE(alone.size() == among.size());
      for (size_t i = 0; i < alone.size(); ++i) CHECK(alone[i].bytes == among[i].bytes);
    }
  }
}

TEST_CASE("statistics count every layer, microbatch and wafer once") {
  RoutingSpec routing;
  routing.kind = RoutingKind::zipf;
  routing.exponent = 1;
  const auto step = lowered(routing);
  const LoadStatistics loads = step->work->statistics();
  const auto microbatches = step->context.plan.microbatches.size();
  CHECK(loads.samples == 2 * 2 * microbatches);
  for (const uint64_t samples : loads.layer_samples) CHECK(samples == 2 * microbatches);
  CHECK(loads.overload_factor() > 1);
  CHECK(lowered({})->work->statistics().overload_factor() == Approx(1));  // balanced
}
