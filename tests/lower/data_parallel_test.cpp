// What data-parallel replicas communicate, when, and in which pieces.
#include "lower/data_parallel.hpp"

#include <map>

#include "catch.hpp"
#include "engine/simulate.hpp"
#include "in_child.hpp"
#include "lower/step.hpp"
#include "lower/tiny.hpp"
#include "model/parameters.hpp"

using namespace moesim;

namespace {

Execution reference(LoweredStep& step) { return execute_reference(step.program, step.context.fabric, *step.work); }

// Seconds of compute of one rank.
double work_of_rank(const LoweredStep& step) {
  double seconds = 0;
  for (const Block& block : step.program.blocks)
    for (const Task& task : step.program.templates[block.graph].tasks)
      if (task.kind == TaskKind::compute && task.rank == 0) seconds += task.seconds;
  return seconds;
}

}  // namespace

TEST_CASE("gradients and parameters travel once a step, whatever the number of microbatches") {
  for (const int zero : {0, 1, 3})
    for (const int microbatches : {1, 4}) {
      Plan plan;
      plan.zero_stage = zero;
      const auto step = lower(dense_model(2), ideal_pod(4), plan, tiny_batch(4 * microbatches));
      std::map<std::string, double> sent;
      for_each_task(*step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.stream != Stream::dp || task.kind != TaskKind::transfer) return;
        for (const Flow& flow : flows_of(graph, task, data))
          if (flow.source % kPorts < 2) sent[step->program.op_names[task.op]] += flow.bytes;
      });
      INFO("zero " << zero << " microbatches " << microbatches);
      const double parameters = total_parameters(dense_model(2));
      const double share = 3.0 / 4;  // of 4 replicas
      const double reduce = parameters * 4 * share * (zero == 0 ? 2 : 1) * (zero == 3 ? microbatches : 1);
      CHECK(sent["gradient reduce"] == Approx(reduce).epsilon(1e-6));
      // ZeRO-3 gathers for the forward and again for the backward of every microbatch.
      const double gather = parameters * 2 * share * (zero == 0 ? 0 : zero == 1 ? 1 : 2 * microbatches);
      CHECK(sent["parameter gather"] == Approx(gather).epsilon(1e-6).margin(1));
    }
}

TEST_CASE("ZeRO-3 without overlap: gathers and reductions add to the step; with it they hide behind compute") {
  Pod pod = ideal_pod(4);
  pod.gpus_per_node = 4;
  pod.nvlink_bytes_per_s = 1e12;
  Plan plan;
  plan.zero_stage = 3;
  const auto seconds = [&](bool gathers, bool reductions) {
    plan.overlap_param_gather = gathers;
    plan.overlap_grad_reduce = reductions;
    const auto step = lower(dense_model(8), pod, plan, tiny_batch(8));
    return reference(*step).makespan_s;
  };
  const double hidden = seconds(true, true), neither = seconds(false, false);
  // Per microbatch of a rank: parameters in BF16 twice, gradients in FP32 once, 3/4 of each over the port.
  const double parameters = total_parameters(dense_model(8)), rounds = 2;
  const auto wire_s = [&](double bytes) { return rounds * parameters * bytes * 0.75 / 1e12; };
  const auto step = lower(dense_model(8), pod, plan, tiny_batch(8));
  const double work = work_of_rank(*step);
  CHECK(neither == Approx(work + wire_s(2 + 2 + 4)).epsilon(0.02));
  CHECK(hidden < neither);
  CHECK(hidden >= std::max(work, wire_s(2 + 2 + 4)));
  const double gathers_hidden = seconds(true, false), reductions_hidden = seconds(false, true);
  CHECK(gathers_hidden > hidden);
  CHECK(gathers_hidden < neither);
  CHECK(reductions_hidden < neither);
  CHECK(gathers_hidden >= work + wire_s(4));
}

TEST_CASE("parameters gathered at first use wait for each other along the pipeline; aligned gathers run at once") {
  Pod pod = ideal_pod(8);
  pod.gpus_per_node = 8;
  pod.nvlink_bytes_per_s = 1e9;  // gathers far outlast the forwards
  Plan plan;
  plan.pp = 4;
  plan.vpp = 2;
  plan.schedule = ScheduleKind::interleaved;
  plan.overlap_grad_reduce = false;
  const auto seconds = [&](bool overlap, bool align) {
    plan.overlap_param_gather = overlap;
    plan.align_param_gather = align;
    return reference(*lower(dense_model(8), pod, plan, tiny_batch(16))).makespan_s;
  };
  // Layers of one stage in BF16, half of them from the other replica. The first and last stage hold the matrices of
  // embedding and logits too.
  const auto step = lower(dense_model(8), pod, plan, tiny_batch(16));
  double all = 0, largest = 0;
  for (int stage = 0; stage < 4; ++stage) {
    double parameters = 0;
    for (int chunk = 0; chunk < 2; ++chunk)
      for (const RankParameters& layer : parameters_by_layer(step->context, step->context.chunk(stage, chunk)))
        parameters += layer.dense;
    all += parameters;
    largest = std::max(largest, parameters);
  }
  const double byte_s = 2 * 0.5 / 1e9;
  const double first_use = seconds(true, false), aligned = seconds(true, true), exposed = seconds(false, false);
  CHECK(aligned < first_use);
  CHECK(first_use - aligned >= 0.9 * (all - largest) * byte_s);
  CHECK(first_use >= all * byte_s);
  CHECK(aligned >= largest * byte_s);
  CHECK(aligned <= exposed * 1.001);
}

TEST_CASE("replicas communicate whole chunks, and the first chunk of the first stage in buckets") {
  Plan plan;
  plan.pp = 2;
  plan.vpp = 2;
  plan.ep = 2;
  plan.schedule = ScheduleKind::interleaved;
  plan.gradient_bytes = 2;
  const auto buckets = [&](int stage, int chunk) {
    const auto step = lower(moe_model(16), ideal_pod(8), plan, tiny_batch(16));
    const auto layers = parameters_by_layer(step->context, step->context.chunk(stage, chunk));
    const auto gathered = gathered_before_layers(step->context, stage, chunk);
    REQUIRE(gathered.size() == layers.size());
    RankParameters all, sum;
    std::vector<int> dense_at, expert_at;
    for (size_t i = 0; i < layers.size(); ++i) {
      all += layers[i];
      sum += gathered[i];
      if (gathered[i].dense > 0) dense_at.push_back(static_cast<int>(i));
      if (gathered[i].expert > 0) expert_at.push_back(static_cast<int>(i));
    }
    CHECK(sum.dense == Approx(all.dense));
    CHECK(sum.expert == Approx(all.expert));
    return std::pair(dense_at, expert_at);
  };
  using At = std::vector<int>;
  const auto step = lower(moe_model(16), ideal_pod(8), plan, tiny_batch(16));
  const RankParameters layer = rank_layer_parameters(step->context, 2);
  // Filled from the chunk's end: two layers of experts reach the size, one does not.
  plan.dp_bucket_bytes = 1.5 * layer.expert * plan.gradient_bytes;
  REQUIRE(4 * layer.dense < plan.dp_bucket_bytes / plan.gradient_bytes);
  CHECK(buckets(0, 0).second == At{0, 2});
  CHECK(buckets(0, 1).second == At{0});
  CHECK(buckets(1, 0).first == At{0});
  CHECK(buckets(1, 0).second == At{0});
  plan.dp_buckets = DpBuckets::layer;
  CHECK(buckets(1, 0).second == At{0, 2});
  plan.dp_bucket_bytes = 0;
  CHECK(buckets(1, 1).first == At{0, 1, 2, 3});
}

TEST_CASE("what is gathered does not depend on when and in which buckets") {
  Plan plan;
  plan.pp = 2;
  plan.vpp = 2;
  plan.ep = 2;
  plan.schedule = ScheduleKind::interleaved;
  const auto gathered = [&] {
    const auto step = lower(moe_model(8), ideal_pod(8), plan, tiny_batch(16));
    double sent = 0, expected = 0;
    for_each_task(*step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
      if (task.kind != TaskKind::transfer || step->program.op_names[task.op] != "parameter gather") return;
      for (const Flow& flow : flows_of(graph, task, data))
        if (flow.source % kPorts < 2) sent += flow.bytes;
    });
    for (int stage = 0; stage < 2; ++stage)
      for (int chunk = 0; chunk < 2; ++chunk)
        for (const RankParameters& layer : parameters_by_layer(step->context, step->context.chunk(stage, chunk)))
          expected += 2 * plan.parameter_bytes * (layer.dense * 3 / 4 + layer.expert / 2);  // 2 ranks of a cell
    return std::pair(sent, expected);
  };
  for (const bool align : {false, true})
    for (const DpBuckets kind : {DpBuckets::megatron, DpBuckets::layer})
      for (const double width : {1.0, 2.0}) {
        plan.align_param_gather = align;
        plan.dp_buckets = kind;
        plan.parameter_bytes = width;
        INFO("align " << align << " buckets " << static_cast<int>(kind) << " width " << width);
        const auto [sent, expected] = gathered();
        CHECK(sent == Approx(expected));
      }
  plan.gather_in_step = false;
  CHECK(gathered().first == 0);
  plan.overlap_param_gather = false;
  CHECK(gathered().first == 0);
}

TEST_CASE("a whole chunk is reduced after its backward, layers beside it") {
  Pod pod = ideal_pod(4);
  pod.nvlink_bytes_per_s = 1e12;  // a layer's reduction takes half as long as its backward
  Plan plan;
  plan.pp = 2;
  plan.overlap_param_gather = false;
  const auto seconds = [&](DpBuckets kind) {
    plan.dp_buckets = kind;
    return reference(*lower(dense_model(8), pod, plan, tiny_batch(8))).makespan_s;
  };
  const auto step = lower(dense_model(8), pod, plan, tiny_batch(8));
  const double layer_s = rank_layer_parameters(step->context, 1).dense * 4 * 0.5 / 1e12;
  const double whole = seconds(DpBuckets::megatron), layers = seconds(DpBuckets::layer);
  CHECK(whole - layers >= 2.5 * layer_s);
  CHECK(whole - layers <= 3 * layer_s * 1.001);  // three of four layers could have been beside compute
}

TEST_CASE("data-parallel collectives between nodes keep to their share of the NIC") {
  Pod pod = ideal_pod(8);
  pod.gpus_per_node = 1;
  pod.nic_bytes_per_s = 1e9;  // reductions far outlast the backward
  Plan plan;
  plan.overlap_param_gather = plan.overlap_grad_reduce = false;
  const auto seconds = [&](double share) {
    pod.dp_nic_efficiency = share;
    return reference(*lower(dense_model(8), pod, plan, tiny_batch(8))).makespan_s;
  };
  const double full = seconds(1), half = seconds(0.5);
  // Gradients in FP32, then parameters in BF16, 7/8 of both leave the device.
  const double wire_s = total_parameters(dense_model(8)) * (4 + 2) * 7 / 8 / (1e9 * pod.nic_efficiency);
  CHECK(half - full == Approx(wire_s).epsilon(0.01));
}

TEST_CASE("data-parallel collectives beside compute take SMs from it") {
  Pod pod = ideal_pod(4);
  pod.nvlink_bytes_per_s = 1e12;
  pod.device.sms = 4;
  Plan plan;
  plan.dp_buckets = DpBuckets::layer;
  const auto seconds = [&](int sms, bool overlap) {
    return [=]() mutable {
      pod.collective_sms = sms;
      plan.overlap_grad_reduce = plan.overlap_param_gather = overlap;
      const auto step = lower(dense_model(8), pod, plan, tiny_batch(16));
      return std::vector{execute_simgrid(step->program, step->context.fabric, *step->work, {}).makespan_s};
    };
  };
  const auto steps =
      numbers_in_children({seconds(0, true), seconds(1, true), seconds(3, true), seconds(0, false), seconds(3, false)});
  CHECK(steps[1].at(0) > steps[0].at(0) * 1.001);
  CHECK(steps[2].at(0) > steps[1].at(0));
  CHECK(steps[4].at(0) == Approx(steps[3].at(0)));
}
