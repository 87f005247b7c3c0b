// Steps on faulty clusters, against closed forms and against simulating everything.
#include <map>

#include "catch.hpp"
#include "engine/link_load.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/tiny.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

// 8 devices a node at 450 GB/s, a NIC of 50 GB/s each.
Pod pod_of(int gpus) {
  Pod pod = ideal_pod(gpus);
  pod.device.peak_bf16_flops = pod.device.peak_fp8_flops = 100e12;
  pod.nvlink_bytes_per_s = 450e9;
  pod.nic_bytes_per_s = 50e9;
  return pod;
}

Scenario expert_group(Dispatcher dispatcher) {
  Plan plan;
  plan.ep = 64;
  plan.zero_stage = 0;
  plan.dispatcher = dispatcher;
  RoutingSpec routing;
  routing.kind = RoutingKind::zipf;
  routing.exponent = 0.1;
  return scenario_of(moe_model(4, 64, 8), pod_of(64), plan, tiny_batch(256), routing);
}

std::function<std::vector<double>()> step_of(Scenario scenario) {
  return [scenario] {
    const StepReport report = run_step(scenario, {}).report;
    return std::vector<double>{report.step_time_s, report.breakdown_s.total(), report.lower_bound_s,
                               report.breakdown_s.compute};
  };
}

Scenario with_link(Scenario scenario, LinkFault fault) {
  scenario.faults.links = {fault};
  return scenario;
}
Scenario with_device(Scenario scenario, DeviceFault fault) {
  scenario.faults.devices = {fault};
  return scenario;
}
Scenario whole(Scenario scenario) {
  scenario.plan.simulated_replicas = 0;
  return scenario;
}

struct Bounds {
  double that_rank =
      0;  // the rank alone at half the NIC rate: its kernels and its own bytes, nobody to wait for
  double all_ranks = 0;  // every rank at half the rate, nothing hidden: slowest rank of each run,
                         // busiest port of each
};

Bounds half_nic_bounds(const Scenario& s, uint32_t rank) {
  const auto step = lower_step({s.workload, s.platform.pod(), s.plan, s.routing, s.batch, 1});
  const Fabric& fabric = step->context.fabric;
  LinkLoads loads(fabric);
  Bounds bounds;
  std::map<std::tuple<const Block*, bool, int, int>, double>
      slowest;  // kernels by run, transfers by op and layer
  for_each_task(*step, [&](const Block& block, const TaskGraph& graph, const Task& task,
                           const InstanceData& data) {
    if (task.kind == TaskKind::compute || task.kind == TaskKind::delay) {
      const double seconds = task.draw >= 0 ? data.seconds[task.draw] : task.seconds;
      double& run = slowest[{
          &block, true, task.kind == TaskKind::compute ? static_cast<int>(task.payload) : -1, 0}];
      run = std::max(run, seconds);
      if (task.rank == rank) bounds.that_rank += seconds;
    }
    if (task.kind != TaskKind::transfer) return;
    double all_s = 0, own_s = 0;
    for (const bool nvlink : {true, false}) {
      std::vector<LinkLoad> links;
      loads.collect(flows_of(graph, task, data), 0, nvlink, links);
      for (const LinkLoad& load : links) {
        const double seconds = load.bytes / fabric.links[load.link].bytes_per_s * (nvlink ? 1 : 2);
        const RankPlace& place = fabric.ranks[rank];
        const bool own = load.link == place.nic_out || load.link == place.nic_in ||
                         load.link == place.nvlink_out || load.link == place.nvlink_in;
        all_s = std::max(all_s, seconds);
        if (own) own_s = std::max(own_s, seconds);
      }
    }
    const double latency_s = graph.transfers[task.payload].latency_s;
    if (task.stream == Stream::ep)
      bounds.that_rank += latency_s + own_s;  // reduction may hide behind compute
    double& transfer = slowest[{&block, false, task.op, task.layer}];
    transfer = std::max(transfer, latency_s + all_s);
  });
  for (const auto& [key, seconds] : slowest) bounds.all_ranks += seconds;
  return bounds;
}

}  // namespace

TEST_CASE("one NIC at half rate in a group of 64: between that rank alone and all ranks halved") {
  const int rank = 19;
  for (const Dispatcher dispatcher : {Dispatcher::nccl, Dispatcher::deepep}) {
    const Scenario sound = expert_group(dispatcher);
    Scenario halved = sound;
    halved.platform.pod().nic_bytes_per_s /= 2;
    const auto results = numbers_in_children(
        {step_of(sound), step_of(with_link(sound, {{.rank = rank}, 0.5})), step_of(halved)});
    INFO("dispatcher " << static_cast<int>(dispatcher) << results[1].error);
    const double sound_s = results[0].at(0), faulty_s = results[1].at(0),
                 halved_s = results[2].at(0);
    const Bounds bounds = half_nic_bounds(sound, rank);
    CHECK(bounds.that_rank < bounds.all_ranks);
    CHECK(faulty_s >= bounds.that_rank * (1 - 1e-9));
    CHECK(faulty_s <= bounds.all_ranks * (1 + 1e-9));
    CHECK(faulty_s > sound_s * 1.05);
    CHECK(faulty_s <= halved_s * (1 + 1e-6));
    CHECK(results[1].at(1) == Approx(faulty_s).epsilon(1e-9));
    CHECK(results[1].at(2) <= faulty_s);
  }
}

TEST_CASE("a dead NIC costs at most what two at half rate do, and more than none") {
  const Scenario sound = expert_group(Dispatcher::deepep);
  Scenario both = sound;
  both.faults.links = {{{.rank = 19}, 0.5}, {{.rank = 20}, 0.5}};
  const auto results = numbers_in_children(
      {step_of(sound), step_of(with_link(sound, {{.node = 2, .gpu = 3}, 0})), step_of(both)});
  INFO(results[1].error);
  CHECK(results[1].at(0) > results[0].at(0) * 1.05);
  CHECK(results[1].at(0) <= results[2].at(0) * 1.02);
}

TEST_CASE("a faulty replica among folded ones: the step is that of simulating all") {
  Plan plan;
  plan.pp = 2;
  plan.ep = 8;
  const Scenario sound = scenario_of(moe_model(4), pod_of(64), plan, tiny_batch(256));
  const Scenario slow = with_device(sound, {{.rank = 21}, 0.7}),
                 thin = with_link(sound, {{.rank = 42}, 0.1});
  const auto results = numbers_in_children(
      {step_of(sound), step_of(slow), step_of(whole(slow)), step_of(thin), step_of(whole(thin))});
  for (const Numbers& numbers : results) CHECK(numbers.error.empty());
  CHECK(results[1].at(0) > results[0].at(0) * 1.1);
  CHECK(results[1].at(0) == Approx(results[2].at(0)).epsilon(1e-6));
  CHECK(results[3].at(0) == Approx(results[4].at(0)).epsilon(1e-6));
  // One simulated cell stands for the three that are sound: the mean device is that of all.
  CHECK(results[1].at(3) == Approx(results[2].at(3)).epsilon(1e-6));
}

TEST_CASE("all replicas wait for the slowest before the optimizer") {
  // Two replicas of one device each: the sound one finishes early and waits for the gradients of
  // the other.
  const Scenario sound = whole(scenario_of(dense_model(2), pod_of(2), {}, tiny_batch(8)));
  const auto results =
      numbers_in_children({step_of(sound), step_of(with_device(sound, {{.rank = 1}, 0.5}))});
  CHECK(results[1].at(0) == Approx(2 * results[0].at(0)).epsilon(0.05));
}
