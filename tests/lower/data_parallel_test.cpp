// Tests what data-parallel replicas communicate, when, and in which pieces.
#include "lower/data_parallel.hpp"

#include <limits>
#include <map>
#include <string>
#include <utility>

#include "catch.hpp"
#include "fixtures/executed.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/tiny.hpp"
#include "lower/step.hpp"
#include "model/parameters.hpp"

using namespace moesim;

namespace {

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
  for (const int zero : {0, 1, 2, 3})
    for (const int microbatches : {1, 4}) {
      Plan plan;
      plan.zero_stage = zero;
      const auto step = lower(dense_model(2), ideal_pod(4), plan, tiny_batch(4 * microbatches));
      std::map<std::string, double> sent;
      for_each_task(*step, [&](const Block&, const TaskGraph& graph, const Task& task,
                               const InstanceData& data) {
        if (task.stream != Stream::dp || task.kind != TaskKind::transfer) return;
        for (const Flow& flow : flows_of(graph, task, data))
          if (flow.source % kPorts < 2) sent[step->program.op_names[task.op]] += flow.bytes;
      });
      INFO("zero " << zero << " microbatches " << microbatches);
      const double parameters = total_parameters(dense_model(2));
      const double share = 3.0 / 4;  // of 4 replicas
      const double reduce =
          parameters * 4 * share * (zero == 0 ? 2 : 1) * (zero >= 2 ? microbatches : 1);
      CHECK(sent["gradient reduce"] == Approx(reduce).epsilon(1e-6));
      // ZeRO-3 gathers for the forward and again for the backward of every microbatch.
      const double gather = parameters * 2 * share *
                            (zero == 0   ? 0
                             : zero == 3 ? 2 * microbatches
                                         : 1);
      CHECK(sent["parameter gather"] == Approx(gather).epsilon(1e-6).margin(1));
    }
}

namespace {

// Bytes that leave all ports of the devices, by the name of the transfer.
std::map<std::string, double> replica_bytes(LoweredStep& step) {
  std::map<std::string, double> sent;
  for_each_task(
      step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.stream != Stream::dp || task.kind != TaskKind::transfer) return;
        for (const Flow& flow : flows_of(graph, task, data))
          if (flow.source % kPorts < 2) sent[step.program.op_names[task.op]] += flow.bytes;
      });
  return sent;
}

}  // namespace

TEST_CASE("weights that stay whole are gathered less often, whole gradients reduced once") {
  const double parameters = total_parameters(dense_model(2)), share = 3.0 / 4;
  const int microbatches = 4;
  const auto bytes = [&](auto set) {
    Plan plan;
    plan.zero_stage = 3;
    set(plan);
    return replica_bytes(*lower(dense_model(2), ideal_pod(4), plan, tiny_batch(4 * microbatches)));
  };
  const auto gathers = [&](auto set) {
    return bytes(set)["parameter gather"] / (parameters * 2 * share);
  };
  const auto reductions = [&](auto set) {
    return bytes(set)["gradient reduce"] / (parameters * 4 * share);
  };
  CHECK(gathers([](Plan&) {}) == Approx(2 * microbatches));
  CHECK(gathers([](Plan& p) { p.reshard_after_forward = false; }) == Approx(microbatches));
  CHECK(gathers([](Plan& p) { p.memory.keeps_gathered = true; }) == Approx(1));
  const double logits = output_parameters(dense_model(2)) / parameters;
  CHECK(gathers([](Plan& p) { p.root_stays_gathered = true; }) ==
        Approx((2 - logits) * microbatches));
  CHECK(reductions([](Plan&) {}) == Approx(microbatches));
  CHECK(reductions([](Plan& p) { p.memory.sums_whole_gradients = true; }) == Approx(1));
  CHECK(reductions([](Plan& p) {
          p.memory.sums_whole_gradients = true;
          p.overlap_grad_reduce = false;
        }) == Approx(1));
}

TEST_CASE("with two instances state is sharded over half of the replicas, shards are summed") {
  Plan plan;
  plan.zero_stage = 1;
  plan.optimizer_instances = 2;
  const double parameters = total_parameters(dense_model(2));
  const auto step = lower(dense_model(2), ideal_pod(8), plan, tiny_batch(8));
  const auto sent = replica_bytes(*step);
  CHECK(sent.at("gradient reduce") == Approx(parameters * 4 * 3 / 4));
  CHECK(sent.at("gradient all-reduce") == Approx(2 * (parameters * 4 / 4) / 2));
  CHECK(sent.at("parameter gather") == Approx(parameters * 2 * 3 / 4));
  // The optimizer has a fourth of the state, not an eighth.
  const RankParameters held{parameters, 0};
  const auto adam_bytes = [&](const LoweredStep& of) {
    double bytes = 0;
    for (const Kernel& kernel : optimizer_kernels(of.context, held)) bytes += kernel.bytes;
    return bytes;
  };
  Plan whole;
  whole.zero_stage = 1;
  const auto other = lower(dense_model(2), ideal_pod(8), whole, tiny_batch(8));
  CHECK(adam_bytes(*step) == Approx(2 * adam_bytes(*other)));
}

TEST_CASE("instances spread over nodes send their shards over the NIC alone") {
  // Two nodes of eight: within a node a reduce-scatter over NVLink, between them an all-reduce of
  // an eighth of the gradients, 2 x 1/2 of it each way.
  Plan plan;
  plan.zero_stage = 1;
  plan.optimizer_instances = 2;
  plan.overlap_grad_reduce = plan.overlap_param_gather = false;
  plan.gather_in_step = false;
  const double parameters = total_parameters(dense_model(2));
  const auto makespan = [&](double gradient_bytes) {
    plan.gradient_bytes = gradient_bytes;
    return reference(*lower(dense_model(2), two_nodes(), plan, tiny_batch(16))).makespan_s;
  };
  const double more = makespan(8) - makespan(4);
  CHECK(more == Approx(parameters * 4 * (7.0 / 8 / 450e9 + 1.0 / 8 / 50e9)).epsilon(0.02));
}

TEST_CASE("the loss waits for no gather where its weights have stayed whole") {
  Plan plan{.zero_stage = 3};
  Pod pod = ideal_pod(4);
  pod.gpus_per_node = 4;
  pod.nvlink_bytes_per_s = 1e11;
  const auto seconds = [&](bool stays) {
    plan.root_stays_gathered = stays;
    return reference(*lower(dense_model(8), pod, plan, tiny_batch(4))).makespan_s;
  };
  // Gathers far outlast compute: what is not gathered again is saved.
  const double logits = output_parameters(dense_model(8)) * 2 * 0.75 / 1e11;
  CHECK(seconds(false) - seconds(true) >= 0.99 * logits);
}

TEST_CASE(
    "ZeRO-3 without overlap: gathers and reductions add to the step; with it they hide behind "
    "compute") {
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
  // Per microbatch of a rank: parameters in BF16 twice, gradients in FP32 once, 3/4 of each over
  // the port.
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

TEST_CASE(
    "parameters gathered at first use wait for each other along the pipeline; aligned gathers run "
    "at once") {
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
  // Layers of one stage in BF16, half of them from the other replica. The first and last stage hold
  // the matrices of embedding and logits too.
  const auto step = lower(dense_model(8), pod, plan, tiny_batch(16));
  double all = 0, largest = 0;
  for (int stage = 0; stage < 4; ++stage) {
    double parameters = 0;
    for (int chunk = 0; chunk < 2; ++chunk)
      for (const RankParameters& layer :
           parameters_by_layer(step->context, step->context.chunk(stage, chunk)))
        parameters += layer.dense;
    all += parameters;
    largest = std::max(largest, parameters);
  }
  const double byte_s = 2 * 0.5 / 1e9;
  const double first_use = seconds(true, false), aligned = seconds(true, true),
               exposed = seconds(false, false);
  CHECK(aligned < first_use);
  CHECK(first_use - aligned >= 0.9 * (all - largest) * byte_s);
  CHECK(first_use >= all * byte_s);
  CHECK(aligned >= largest * byte_s);
  CHECK(aligned <= exposed * 1.001);
}

TEST_CASE(
    "sizes of buckets: the first chunk of the first stage is cut, unless chunks leave at one time "
    "with others") {
  const double whole = std::numeric_limits<double>::infinity();
  Plan plan;
  plan.pp = 2;
  plan.cp = 2;
  int gpus = 16;
  const auto size = [&](int stage, int chunk, DpUse use) {
    const auto step = lower(moe_model(16), ideal_pod(gpus), plan, tiny_batch(256));
    return bucket_size(step->context, stage, chunk, use);
  };
  for (const DpUse use : {DpUse::reduce, DpUse::gather}) {
    plan.dp_bucket_bytes = 0;
    gpus = 16;
    CHECK(size(0, 0, use) == 40e6);
    CHECK(size(1, 0, use) == whole);
    gpus = 256;
    CHECK(size(0, 0, use) == 128e6);  // a million for each of 64 x 2 replicas
    plan.dp_bucket_bytes = 8e6;
    CHECK(size(0, 0, use) == 2e6);  // gradients have 4 bytes
    CHECK(size(1, 0, use) == whole);
  }
  plan.overlap_grad_reduce = false;
  CHECK(size(0, 0, DpUse::reduce) == whole);
  CHECK(size(0, 0, DpUse::gather) == 2e6);
  plan.overlap_grad_reduce = true;
  plan.vpp = 2;
  plan.schedule = ScheduleKind::interleaved;
  CHECK(size(0, 0, DpUse::reduce) == whole);
  CHECK(size(0, 0, DpUse::gather) == whole);
  CHECK(size(0, 1, DpUse::gather) == whole);
  plan.align_param_gather = false;
  CHECK(size(0, 0, DpUse::reduce) == whole);
  CHECK(size(0, 0, DpUse::gather) == 2e6);
  CHECK(size(0, 1, DpUse::gather) == whole);
  plan.dp_buckets = DpBuckets::layer;
  CHECK(size(1, 1, DpUse::reduce) == 2e6);
  plan.zero_stage = 3;
  CHECK(size(0, 0, DpUse::gather) == 0);
}

TEST_CASE("both chunks that hold the first layers are cut under DualPipe") {
  Plan plan;
  plan.pp = 2;
  plan.schedule = ScheduleKind::dualpipe;
  const auto step = lower(moe_model(16), ideal_pod(8), plan, tiny_batch(64));
  CHECK(bucket_size(step->context, 0, 0, DpUse::reduce) ==
        bucket_size(step->context, 1, 1, DpUse::reduce));
  CHECK(bucket_size(step->context, 0, 0, DpUse::reduce) == 40e6);
  CHECK(bucket_size(step->context, 1, 0, DpUse::reduce) > 1e18);
}

TEST_CASE("buckets fill from the last layer backwards, dense and expert parameters apart") {
  BucketFill fill(10);
  const auto full = [&](RankParameters layer, bool first = false) {
    const RankParameters taken = fill.add(layer, first);
    return std::pair(taken.dense, taken.expert);
  };
  using Pair = std::pair<double, double>;
  CHECK(full({4, 6}) == Pair(0, 0));
  CHECK(full({4, 6}) == Pair(0, 12));
  CHECK(full({4, 6}) == Pair(12, 0));
  CHECK(full({4, 1}, true) == Pair(4, 7));
  CHECK(full({}, true) == Pair(0, 0));
}

TEST_CASE("transfers of replicas: a bucket each, layers with ZeRO-3") {
  Plan plan;
  plan.pp = 2;
  plan.dp_bucket_bytes = 1;
  const auto transfers = [&] {
    const auto step = lower(dense_model(8), ideal_pod(4), plan, tiny_batch(8));
    std::map<std::pair<std::string, int>, int> count;  // of rank 0 of each stage
    for_each_task(
        *step, [&](const Block& block, const TaskGraph&, const Task& task, const InstanceData&) {
          if (task.kind == TaskKind::transfer && task.stream == Stream::dp && task.rank == 0)
            ++count[{step->program.op_names[task.op], block.stage}];
        });
    return count;
  };
  const std::string reduce = "gradient reduce", gather = "parameter gather";
  auto count = transfers();
  CHECK(count[{reduce, 0}] == 4);
  CHECK(count[{gather, 0}] == 4);
  CHECK(count[{reduce, 1}] == 1);
  CHECK(count[{gather, 1}] == 1);
  plan.dp_buckets = DpBuckets::layer;
  count = transfers();
  CHECK(count[{reduce, 1}] == 4);
  CHECK(count[{gather, 1}] == 4);
  plan.zero_stage = 3;
  plan.dp_bucket_bytes = 1e12;
  count = transfers();
  CHECK(count[{reduce, 1}] == 4);      // microbatches
  CHECK(count[{gather, 1}] == 4 * 8);  // and layers, forward and backward
}

TEST_CASE("nothing computes before its bucket is gathered") {
  Pod pod = ideal_pod(4);
  pod.gpus_per_node = 4;
  pod.nvlink_bytes_per_s = 1e11;  // gathers far outlast the forward
  Plan plan;
  plan.overlap_grad_reduce = false;
  const ModelShape model = dense_model(8);
  const auto seconds = [&](double bucket_bytes) {
    plan.dp_bucket_bytes = bucket_bytes;
    return reference(*lower(model, pod, plan, tiny_batch(4))).makespan_s;
  };
  const auto step = lower(model, pod, plan, tiny_batch(4));
  const double parameters = total_parameters(model), work = work_of_rank(*step);
  const double gather_s = parameters * 2 * 0.75 / 1e11, reduce_s = parameters * 4 * 0.75 / 1e11;
  const double one = seconds(1e12), many = seconds(1);
  CHECK(one == Approx(gather_s + work + reduce_s).epsilon(1e-3));
  CHECK(many < one);
  CHECK(many >= gather_s + reduce_s);
  CHECK(one - many <= work);
}

TEST_CASE("what is gathered does not depend on when and in which buckets") {
  Plan plan{
      .ep = 2, .pp = 2, .vpp = 2, .schedule = ScheduleKind::interleaved, .dp_bucket_bytes = 1};
  const auto gathered = [&] {
    const auto step = lower(moe_model(8), ideal_pod(8), plan, tiny_batch(16));
    double sent = 0, expected = 0;
    for_each_task(*step, [&](const Block&, const TaskGraph& graph, const Task& task,
                             const InstanceData& data) {
      if (task.kind != TaskKind::transfer || step->program.op_names[task.op] != "parameter gather")
        return;
      for (const Flow& flow : flows_of(graph, task, data))
        if (flow.source % kPorts < 2) sent += flow.bytes;
    });
    for (int stage = 0; stage < 2; ++stage)
      for (int chunk = 0; chunk < 2; ++chunk)
        for (const RankParameters& layer :
             parameters_by_layer(step->context, step->context.chunk(stage, chunk)))
          expected += 2 * plan.gather_bytes *
                      (layer.dense * 3 / 4 + layer.expert / 2);  // 2 ranks of a cell
    // Embedding and logits are gathered in bf16.
    const double matrices = rank_embedding_parameters(step->context).dense +
                            rank_output_parameters(step->context).dense;
    expected += 2 * (2 - plan.gather_bytes) * matrices * 3 / 4;
    return std::pair(sent, expected);
  };
  for (const bool align : {false, true})
    for (const DpBuckets kind : {DpBuckets::megatron, DpBuckets::layer})
      for (const double width : {1.0, 2.0}) {
        plan.align_param_gather = align;
        plan.dp_buckets = kind;
        plan.gather_bytes = width;
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
  CHECK(whole - layers <=
        3 * layer_s * 1.001);  // three of four layers could have been beside compute
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
  const double wire_s =
      total_parameters(dense_model(8)) * (4 + 2) * 7 / 8 / (1e9 * pod.nic_efficiency);
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
      return std::vector{
          execute_simgrid(step->program, step->context.fabric, *step->work, {}).makespan_s};
    };
  };
  const auto steps = numbers_in_children(
      {seconds(0, true), seconds(1, true), seconds(3, true), seconds(0, false), seconds(3, false)});
  CHECK(steps[1].at(0) > steps[0].at(0) * 1.001);
  CHECK(steps[2].at(0) > steps[1].at(0));
  CHECK(steps[4].at(0) == Approx(steps[3].at(0)));
}
