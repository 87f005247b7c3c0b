#include "lower/expert_shuffle.hpp"

#include <numeric>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

TEST_CASE(
    "experts that stay cost nothing; one that moves comes from the nearest rank that held it") {
  const ExpertPlacement before = contiguous_placement(8, 4);  // two experts a rank
  CHECK(moved_bytes(before, before, 8, 100, 2) == std::vector<double>(16, 0.0));
  ExpertPlacement after = before;
  std::swap(after.expert_of_slot[1],
            after.expert_of_slot[6]);  // expert 1 from rank 0 to 3, expert 6 from 3 to 0
  std::vector<double> expected(16, 0.0);
  expected[0 * 4 + 3] = expected[3 * 4 + 0] = 100;
  CHECK(moved_bytes(before, after, 8, 100, 2) == expected);

  // Expert 0 lies on ranks 0 and 2 of two nodes: rank 3 takes it from its own node.
  const ExpertPlacement twice{4, 1, {0, 1, 0, 2}}, moved{4, 1, {0, 1, 2, 0}};
  const std::vector<double> bytes = moved_bytes(twice, moved, 3, 10, 2);
  CHECK(bytes[2 * 4 + 3] == 10);
  CHECK(bytes[3 * 4 + 2] == 10);
  CHECK(std::accumulate(bytes.begin(), bytes.end(), 0.0) == 20);
}

TEST_CASE(
    "experts move in the step that begins a placement period, and the step pays for their bytes") {
  Plan plan;
  plan.ep = 4;
  RoutingSpec routing;
  routing.kind = RoutingKind::zipf;
  routing.exponent = 0.5;
  routing.drift = 0.5;
  routing.placement = Placement::eplb_global;
  routing.placement_period = 10;
  Pod pod = ideal_pod(4);
  pod.nvlink_bytes_per_s = 1e9;
  const auto shuffled_bytes = [&](int at) {
    routing.step = at;
    const auto step = lower(moe_model(4), pod, plan, tiny_batch(4), routing);
    double bytes = 0;
    for_each_task(*step, [&](const Block&, const TaskGraph& graph, const Task& task,
                             const InstanceData& data) {
      if (task.kind == TaskKind::transfer && step->program.op_names[task.op] == "expert shuffle")
        for (const Flow& flow : flows_of(graph, task, data)) bytes += flow.bytes;
    });
    return std::pair{
        bytes, execute_reference(step->program, step->context.fabric, *step->work).makespan_s};
  };
  CHECK(shuffled_bytes(0).first == 0);
  CHECK(shuffled_bytes(9).first == 0);
  const auto [bytes, seconds] = shuffled_bytes(10);
  // Whole experts: 3 matrices of 512 x 256, in bf16, and fp32 master weight and moments, not
  // sharded (one replica).
  const double expert = 3 * 512.0 * 256.0 * (2 + 12);
  CHECK(bytes > 0);
  CHECK(bytes / expert == Approx(std::round(bytes / expert)));
  CHECK(seconds >= bytes / 4 / 1e9);  // four ports of 1 GB/s
  CHECK(shuffled_bytes(11).first == 0);
}
