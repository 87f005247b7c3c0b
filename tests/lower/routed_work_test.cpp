#include "lower/routed_work.hpp"

#include <map>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

// Two MoE layers over 8 ranks; popularity of experts ~ 1 / rank^exponent.
std::unique_ptr<LoweredStep> skewed_step(double exponent) {
  RoutingSpec routing;
  routing.kind = RoutingKind::zipf;
  routing.exponent = exponent;
  Plan plan;
  plan.ep = 8;
  return lower(moe_model(2), ideal_pod(8), plan, tiny_batch(32), routing);
}

}  // namespace

TEST_CASE("dispatch and combine carry the tokens that the routing sends") {
  Plan plan;
  plan.ep = 8;
  plan.all_to_all = CollectiveAlgorithm::flat;
  const auto step = lower(moe_model(2), ideal_pod(8), plan, tiny_batch(16));
  std::map<std::string, double> bytes;
  for_each_task(
      *step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.kind != TaskKind::transfer || task.stream != Stream::ep) return;
        for (const Flow& flow : flows_of(graph, task, data))
          bytes[step->program.op_names[task.op]] += flow.bytes;
      });
  // 16 sequences of 1,024 tokens to 4 experts, 7 of 8 on another rank, 512 bf16 values; two layers.
  const double expected = 16.0 * 1024 * 4 * 7 / 8 * 512 * 2 * 2;
  for (const char* op : {"dispatch", "combine", "combine backward", "dispatch backward"})
    CHECK(bytes[op] == Approx(expected).epsilon(1e-9));
}

TEST_CASE("amounts depend on the seed and the block, not on the order of asking") {
  const auto step = skewed_step(0.5);
  const auto seconds_of = [&](BlockId id) {
    const Block& block = step->program.blocks[id];
    const TaskGraph& graph = step->program.templates[block.graph];
    InstanceData data;
    data.seconds.resize(graph.drawn_computes);
    data.flows.resize(graph.drawn_transfers);
    data.fixed_s.resize(graph.drawn_transfers);
    step->work->fill(block, graph, data);
    return data.seconds;
  };
  const auto first = seconds_of(0), second = seconds_of(2);
  CHECK(seconds_of(2) == second);
  CHECK(seconds_of(0) == first);
  CHECK(first != second);
}

TEST_CASE("a transfer's flows alone are those that its whole block is filled with") {
  const auto step = skewed_step(0.5);
  int compared = 0;
  for_each_task(
      *step, [&](const Block& block, const TaskGraph&, const Task& task, const InstanceData& data) {
        if (task.kind != TaskKind::transfer || task.draw < 0) return;
        const std::vector<Flow> alone = step->work->flows(block, task);
        const std::vector<Flow>& filled = data.flows[task.draw];
        REQUIRE(alone.size() == filled.size());
        for (size_t i = 0; i < alone.size(); ++i) CHECK(alone[i].bytes == filled[i].bytes);
        ++compared;
      });
  CHECK(compared > 0);
}

TEST_CASE("balanced routing loads every rank alike; skewed routing does not") {
  Plan plan;
  plan.ep = 8;
  const auto even = lower(moe_model(2), ideal_pod(8), plan, tiny_batch(16));
  CHECK(even->work->statistics().overload_factor() == Approx(1).epsilon(1e-3));
  const LoadStatistics loads = skewed_step(1)->work->statistics();
  CHECK(loads.overload_factor() > 1.2);
  CHECK(loads.overload_factor() <= 8);  // one rank with everything
}

TEST_CASE("overload: the mean of the samples; over layers together the rank that gets most") {
  LoadStatistics loads(2, 2);
  loads.add(0, 1.5, std::vector<double>{30, 10});
  loads.add(1, 1.2, std::vector<double>{8, 12}, 3);
  CHECK(loads.overload_factor() == Approx((1.5 + 3 * 1.2) / 4));
  // Each layer's rows are the mean of its samples: 30 + 8 against 10 + 12.
  const std::vector<int> both{0, 1}, second{1};
  CHECK(loads.overload_of(both) == Approx(38.0 / 30));
  CHECK(loads.overload_of(second) == Approx(1.2));
  CHECK(LoadStatistics().overload_factor() == 1);
}
