// How many flows carry an all-to-all, and whether transfers run on timers while they are alone, are
// choices of the simulator: where transfers share ports, no choice changes the step.
#include "catch.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/tiny.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

constexpr int kSteps = 40;  // 200 hold as well

// Expert, data, pipeline and context parallelism on the same ports, at bandwidths at which none of
// them hides behind compute.
class ContendedDraw {
 public:
  explicit ContendedDraw(uint64_t seed) : random_(seed, {21}) {}

  Scenario draw() {
    Pod pod = ideal_pod(32);
    pod.gpus_per_node = pick({4, 4, 8});
    pod.nvlink_bytes_per_s = 450e9;
    pod.nic_bytes_per_s = 1e9 * pick({25, 50});
    pod.nic_latency_s = 2e-6;
    pod.collective_queue_pairs = pick({1, 2});
    pod.peer_queue_pairs = pick({1, 2});
    if (chance(0.4)) {
      pod.oversubscription = pick({2, 4});
      pod.nodes_per_leaf = pick({1, 2});
    }
    DispatcherCost& cost = pod.dispatchers[Dispatcher::deepep];
    cost.nic_efficiency = chance(0.5) ? 1 : 0.5;
    cost.queue_pairs = pick({1, 5, 10});
    Plan plan;
    plan.pp = pick({1, 2, 2});
    plan.cp = pick({1, 1, 2});
    plan.ep = pick({4, 8, 16});
    plan.dispatcher = chance(0.5) ? Dispatcher::nccl : Dispatcher::deepep;
    plan.communication_sms = 0;
    plan.zero_stage = pick({0, 1, 3});
    plan.dp_buckets = DpBuckets::layer;
    plan.overlap_grad_reduce = plan.overlap_param_gather = true;
    plan.ep_overlap = chance(0.4);
    plan.simulated_replicas = pick({0, 1});
    RoutingSpec routing;
    if (chance(0.6)) {
      routing.kind = RoutingKind::zipf;
      routing.exponent = 0.2 + 0.5 * random_.uniform();
    }
    const int dp = 32 / plan.pp / plan.cp;
    return scenario_of(moe_model(4, 32), pod, plan, tiny_batch(dp * plan.pp * pick({1, 2}), 2048),
                       routing);
  }

 private:
  bool chance(double p) { return random_.uniform() < p; }
  int pick(std::initializer_list<int> values) {
    return values
        .begin()[static_cast<size_t>(random_.uniform() * static_cast<double>(values.size()))];
  }
  Random random_;
};

struct Variant {
  CollectiveAlgorithm form;
  Transport transport;
};
constexpr Variant kVariants[] = {{CollectiveAlgorithm::flat, Transport::adaptive},
                                 {CollectiveAlgorithm::flat, Transport::flows},
                                 {CollectiveAlgorithm::port_balanced, Transport::adaptive},
                                 {CollectiveAlgorithm::port_balanced, Transport::flows},
                                 {CollectiveAlgorithm::flat, Transport::uncontended}};

}  // namespace

TEST_CASE("contended steps take the same in every form, on timers and as flows") {
  std::vector<std::function<std::vector<double>()>> works;
  for (uint64_t seed = 1; seed <= kSteps; ++seed)
    for (const Variant& variant : kVariants)
      works.push_back([seed, &variant]() -> std::vector<double> {
        Scenario scenario = ContendedDraw(seed).draw();
        scenario.plan.all_to_all = variant.form;
        scenario.plan.transport = variant.transport;
        RunOptions options;
        options.step_time_only = true;
        return {run_step(scenario, options).report.step_time_s};
      });
  const auto numbers = numbers_in_children(works);
  int contended = 0;
  for (size_t step = 0; step < kSteps; ++step) {
    const auto seconds = [&](size_t variant) {
      return numbers[step * std::size(kVariants) + variant].at(0);
    };
    INFO("step " << step + 1 << ": " << seconds(0) << " " << seconds(1) << " " << seconds(2) << " "
                 << seconds(3) << ", alone " << seconds(4));
    REQUIRE(seconds(0) > 0);
    CHECK(seconds(2) == Approx(seconds(0)).epsilon(0.015));
    CHECK(seconds(3) == Approx(seconds(1)).epsilon(0.015));
    CHECK(seconds(1) == Approx(seconds(0)).epsilon(0.005));
    CHECK(seconds(3) == Approx(seconds(2)).epsilon(0.005));
    contended += seconds(0) > 1.02 * seconds(4);
  }
  CHECK(contended > kSteps / 3);
}
