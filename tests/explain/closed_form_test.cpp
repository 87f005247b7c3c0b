#include "explain/closed_form.hpp"

#include "catch.hpp"
#include "explain/math_terms.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/tiny.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

Pod pod_of(int gpus) {
  Pod pod = ideal_pod(gpus);
  pod.device.peak_bf16_flops = 100e12;
  pod.nvlink_bytes_per_s = 450e9;
  pod.nic_bytes_per_s = 50e9;
  pod.nic_latency_s = 1e-6;
  return pod;
}

// The formulas assume this: nothing overlaps, nothing contends.
Scenario plain(Scenario s) {
  s.plan.overlap_grad_reduce = s.plan.overlap_param_gather = false;
  s.plan.transport = Transport::uncontended;
  return s;
}

double simulated_s(const Scenario& scenario) {
  const auto result = numbers_in_children(
      {[&] { return std::vector<double>{run_step(scenario, {}).report.step_time_s}; }});
  INFO(result[0].error);
  return result[0].at(0);
}

}  // namespace

TEST_CASE("distinct places: one draw hits one, many hit all") {
  CHECK(distinct_places(8, 1) == Approx(1));
  CHECK(distinct_places(8, 1000) == Approx(8));
  CHECK(distinct_places(2, 2) == Approx(1.5));
  CHECK(distinct_places(1, 5) == 1);
}

TEST_CASE("bubbles by schedule") {
  Plan plan;
  plan.pp = 8;
  const PassSeconds pass{1, 1, 1};
  const auto bubble = [&](ScheduleKind kind) {
    plan.schedule = kind;
    return bubble_term(plan, pass).seconds;
  };
  CHECK(bubble(ScheduleKind::one_f_one_b) == Approx(7 * 3));
  CHECK(bubble(ScheduleKind::gpipe) == Approx(7 * 3));
  CHECK(bubble(ScheduleKind::zb_h1) == Approx(7));
  CHECK(bubble(ScheduleKind::zb_2p) == 0);
  CHECK(bubble(ScheduleKind::dualpipe) == Approx(3 * 2));
  plan.vpp = 4;
  CHECK(bubble(ScheduleKind::interleaved) == Approx(7 * 3 / 4.0));
}

TEST_CASE(
    "experts over one node, NCCL: kernels, all-to-all, reduction and optimizer are the step") {
  Plan plan;
  plan.ep = 8;
  const Scenario s = plain(scenario_of(moe_model(4), pod_of(8), plan, tiny_batch(64)));
  const auto terms = closed_form(s);
  // 8 microbatches x 4 layers x 2 passes, 1,024 tokens to 4 experts, 7 of 8 elsewhere, 512 bf16
  // values.
  CHECK(seconds_of(terms, "dispatch") == Approx(8 * 4 * 2 * 1024.0 * 4 * 7 / 8 * 512 * 2 / 450e9));
  CHECK(seconds_of(terms, "combine") == Approx(seconds_of(terms, "dispatch")));
  CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.01));
}

TEST_CASE("experts over two nodes: the NIC decides") {
  Plan plan;
  plan.ep = 16;
  const Scenario s = plain(scenario_of(moe_model(4), pod_of(16), plan, tiny_batch(64)));
  const auto terms = closed_form(s);
  const double start = 1e-6;
  CHECK(seconds_of(terms, "dispatch") ==
        Approx(4 * 4 * 2 * (start + 1024.0 * 4 / 2 * 512 * 2 / 50e9)));
  // The formulas leave out the latency of reductions.
  CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.02));
}

TEST_CASE("oversubscribed leaves: the uplink decides, for dispatch and for replicas") {
  Pod pod = pod_of(16);
  pod.gpus_per_node = 4;
  pod.nodes_per_leaf = 1;
  pod.oversubscription = 4;
  Plan plan;
  plan.ep = 8;
  const Scenario s = plain(scenario_of(moe_model(4), pod, plan, tiny_batch(32)));
  const auto terms = closed_form(s);
  // Half of the copies leave the node, all of those through an uplink of a quarter of the NIC.
  CHECK(seconds_of(terms, "dispatch") ==
        Approx(2 * 4 * 2 * (1e-6 + 1024.0 * 4 / 2 * 512 * 2 * 4 / 50e9)));
  CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.02));
}

TEST_CASE("expert tensor parallelism is a term of its own") {
  Plan plan;
  plan.ep = 4;
  plan.etp = 2;
  const Scenario s = plain(scenario_of(moe_model(4), pod_of(8), plan, tiny_batch(32)));
  const auto terms = closed_form(s);
  // Rows of 1,024 tokens x 4 experts of both members, 512 bf16 values each, gathered and scattered.
  CHECK(seconds_of(terms, "expert tensor parallel") ==
        Approx(4 * 4 * 2 * 2 * (1024.0 * 4 * 2 * 512 * 2 / 2) / 450e9));
  CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.02));
}

TEST_CASE("replicas on nodes of their own: reductions and gathers keep to their share of the NIC") {
  Pod pod = pod_of(8);
  pod.gpus_per_node = 1;
  const auto terms_at = [&](double share) {
    pod.dp_nic_efficiency = share;
    const Scenario s = plain(scenario_of(dense_model(4), pod, Plan{}, tiny_batch(8)));
    const auto terms = closed_form(s);
    CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.02));
    return terms;
  };
  const auto full = terms_at(1), half = terms_at(0.5);
  for (const char* name : {"gradient reduce", "parameter gather"}) {
    CHECK(seconds_of(full, name) > 0);
    CHECK(seconds_of(half, name) == Approx(2 * seconds_of(full, name)));
  }
}

TEST_CASE("a uniform pipeline: the bubble of 1F1B closes the sum") {
  Plan plan;
  plan.pp = 4;
  ModelShape model = dense_model(8);
  model.vocab = 1;
  const Scenario s = plain(scenario_of(model, pod_of(4), plan, tiny_batch(16)));
  const auto terms = closed_form(s);
  CHECK(seconds_of(terms, "bubble") == Approx(3.0 / 16 * seconds_of(terms, "compute")));
  CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.01));
}

TEST_CASE("tensor and context parallelism") {
  for (const bool tensor : {true, false}) {
    Plan plan;
    (tensor ? plan.tp : plan.cp) = 4;
    plan.cp_kind = CpKind::all_gather;
    const Scenario s = plain(scenario_of(dense_model(4), pod_of(4), plan, tiny_batch(4)));
    const auto terms = closed_form(s);
    CHECK(seconds_of(terms, tensor ? "tensor parallel" : "context parallel") > 0);
    CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.02));
  }
}

TEST_CASE("every term shows its formula and its numbers") {
  Plan plan;
  plan.ep = 16;
  plan.pp = 2;
  plan.dispatcher = Dispatcher::deepep;
  for (const MathTerm& term :
       closed_form(scenario_of(moe_model(4), pod_of(32), plan, tiny_batch(64)))) {
    CHECK(!term.formula.empty());
    CHECK(!term.numbers.empty());
    CHECK(term.seconds > 0);
  }
}
