// Tests what the dispatchers send, and what travels beside compute.
#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "lower/token_exchange.hpp"

using namespace moesim;

namespace {

double bytes_of(LoweredStep& step, const std::string& op) {
  double bytes = 0;
  for_each_task(
      step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.kind == TaskKind::transfer && step.program.op_names[task.op] == op)
          for (const Flow& flow : flows_of(graph, task, data)) bytes += flow.bytes;
      });
  return bytes;
}

}  // namespace

TEST_CASE("the all-gather dispatcher sends every token to every rank, whatever the routing") {
  Plan plan;
  plan.ep = 16;
  plan.dispatcher = Dispatcher::allgather;
  RoutingSpec skewed;
  skewed.kind = RoutingKind::zipf;
  skewed.exponent = 0.8;
  for (const RoutingSpec& routing : {RoutingSpec{}, skewed}) {
    const auto step = lower(moe_model(2), two_nodes(), plan, tiny_batch(16), routing);
    const double everything =
        2 * 16 * 15 * 1024.0 * 512 * 2;  // layers, receivers, senders, tokens, hidden, bf16
    CHECK(bytes_of(*step, "dispatch") == Approx(everything));
    CHECK(bytes_of(*step, "combine") == Approx(everything));
  }
}

TEST_CASE("communication beside compute keeps only a part of its bandwidth") {
  Plan plan;
  plan.ep = 16;
  plan.dispatcher = Dispatcher::deepep;
  Pod pod = two_nodes();
  pod.overlapped_efficiency = 0.5;
  const auto rates = [&](const std::string& op) {
    const auto step = lower(moe_model(2), pod, plan, tiny_batch(64));
    std::vector<double> found;
    for (const TaskGraph& graph : step->program.templates)
      for (const Task& task : graph.tasks)
        if (task.kind == TaskKind::transfer && step->program.op_names[task.op] == op)
          found.push_back(graph.transfers[task.payload].nic_rate);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  };
  CHECK(rates("dispatch") == std::vector<double>{1});
  plan.ep_overlap = true;  // some blocks forward only, the others side by side with a backward
  CHECK(rates("dispatch") == std::vector<double>{0.5, 1});
  plan.ep_overlap = false;
  plan.delay_wgrad = true;  // weight gradients compute while gradients travel, in every backward
  CHECK(rates("dispatch backward") == std::vector<double>{0.5});
  CHECK(rates("dispatch") == std::vector<double>{1});
}

TEST_CASE("few SMs copy fewer bytes than NVLink carries") {
  Pod pod = two_nodes();
  pod.overlapped_efficiency = 0.5;
  pod.dispatchers[Dispatcher::deepep].sm_token_s = 1e-6;
  pod.dispatchers[Dispatcher::deepep].sm_bytes_per_s = 1e9;
  const auto rate = [&](int sms, bool beside = false) {
    return dispatcher_rates(pod, Dispatcher::deepep, sms, 1000, 15, beside).nvlink_rate;
  };
  // 1,000 bytes take an SM 2 us.
  CHECK(rate(90) == Approx(90 * 1000 / 2e-6 / 450e9));
  CHECK(rate(180) == Approx(2 * rate(90)));
  CHECK(rate(2000) == 1);
  CHECK(rate(0) == 1);  // SMs are not modelled
  CHECK(rate(90, true) == rate(90));
  CHECK(rate(2000, true) == 0.5);
  pod.dispatchers[Dispatcher::deepep].sm_bytes_per_s = 0;
  CHECK(rate(90) == Approx(90 * 1000 / 1e-6 / 450e9));
  pod.dispatchers[Dispatcher::deepep].sm_token_s = 0;
  CHECK(rate(1) == 1);
}

TEST_CASE(
    "without CUDA graphs the host waits for a dispatch's counts, and compute of both microbatches "
    "with it") {
  Plan plan;
  plan.ep = 16;
  plan.dispatcher = Dispatcher::deepep;
  plan.ep_overlap = true;
  Pod pod = two_nodes();
  pod.dispatchers[Dispatcher::deepep].startup_s = 1e-3;
  const auto seconds = [&] {
    const auto step = lower(moe_model(2), pod, plan, tiny_batch(64));
    return execute_reference(step->program, step->context.fabric, *step->work).makespan_s;
  };
  const double waits = seconds();
  plan.cuda_graph = true;
  const double graphs = seconds();
  CHECK(graphs < waits);
  // A graph of a part of the step leaves the host where it was: it must know the counts before it
  // goes on.
  plan.cuda_graph_scope = GraphScope::router;
  CHECK(seconds() > graphs);
}

TEST_CASE(
    "delayed weight gradients are the same work, and never slow a step where communication is "
    "free") {
  Plan plan;
  plan.ep = 4;
  plan.pp = 2;
  const auto work = [&] {
    const auto step = lower(moe_model(4), ideal_pod(8), plan, tiny_batch(16));
    double seconds = 0;
    for_each_task(*step,
                  [&](const Block&, const TaskGraph&, const Task& task, const InstanceData& data) {
                    if (task.kind == TaskKind::compute)
                      seconds += task.draw >= 0 ? data.seconds[task.draw] : task.seconds;
                  });
    return std::pair{
        seconds, execute_reference(step->program, step->context.fabric, *step->work).makespan_s};
  };
  const auto together = work();
  plan.delay_wgrad = true;
  const auto delayed = work();
  CHECK(delayed.first == Approx(together.first).epsilon(1e-6));
  CHECK(delayed.second <= together.second * (1 + 1e-6));
}

TEST_CASE(
    "EPLB on a Zipf load: less overload and a shorter step than contiguous, never below balanced") {
  Plan plan;
  plan.ep = 16;
  struct Outcome {
    double overload, seconds;
  };
  const auto outcome = [&](RoutingKind kind, Placement placement, int redundant) {
    RoutingSpec routing;
    routing.kind = kind;
    routing.exponent = 0.8;
    routing.placement = placement;
    routing.redundant_experts = redundant;
    const auto step = lower(moe_model(4, 64, 4), two_nodes(), plan, tiny_batch(32), routing);
    const double seconds =
        execute_reference(step->program, step->context.fabric, *step->work).makespan_s;
    return Outcome{step->work->statistics().overload_factor(), seconds};
  };
  const Outcome balanced = outcome(RoutingKind::balanced, Placement::contiguous, 0);
  const Outcome contiguous = outcome(RoutingKind::zipf, Placement::contiguous, 0);
  Outcome before = contiguous;
  for (const int redundant : {0, 16}) {
    const Outcome eplb = outcome(RoutingKind::zipf, Placement::eplb_global, redundant);
    CHECK(eplb.overload < before.overload);
    CHECK(eplb.seconds < before.seconds);
    CHECK(eplb.overload >= balanced.overload);
    CHECK(eplb.seconds >= balanced.seconds);
    before = eplb;
  }
}
