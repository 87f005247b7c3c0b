#include "lower/step.hpp"

#include <map>
#include <set>

#include "catch.hpp"
#include "fixtures/executed.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

// Seconds of forward and backward of one microbatch on one stage, when all stages are alike.
struct BlockSeconds {
  double forward = 0, backward = 0;
};

double work_in(const LoweredStep& step, const Block& block) {
  double seconds = 0;
  for (const Task& task : step.program.templates[block.graph].tasks)
    if (task.kind == TaskKind::compute && task.rank == 0) seconds += task.seconds;
  return seconds;
}

std::vector<double> work_by_stage(const LoweredStep& step) {
  std::vector<double> seconds(step.context.plan.pp, 0.0);
  for (const Block& block : step.program.blocks) seconds[block.stage] += work_in(step, block);
  return seconds;
}

// A model whose every virtual stage computes the same: no logits to speak of.
ModelShape uniform_model(int layers) {
  ModelShape model = dense_model(layers);
  model.vocab = 1;
  model.dense_ffn = 32768;
  return model;
}

}  // namespace

TEST_CASE("bubble of 1F1B: (p-1)/(m+p-1) of the step") {
  for (const int pp : {2, 4, 8})
    for (const int microbatches : {1, 4, 8, 32}) {
      Plan plan;
      plan.pp = pp;
      const auto step = lower(uniform_model(8), ideal_pod(pp), plan, tiny_batch(microbatches));
      const double makespan = reference(*step).makespan_s;
      const auto work = work_by_stage(*step);
      INFO("pp " << pp << " microbatches " << microbatches);
      CHECK(1 - work[pp / 2] / makespan ==
            Approx((pp - 1.0) / (microbatches + pp - 1.0)).epsilon(0.005).margin(0.002));
    }
}

TEST_CASE("bubble of interleaved 1F1B: shorter by the number of chunks") {
  for (const int pp : {2, 4})
    for (const int vpp : {2, 4})
      for (const int rounds : {1, 4}) {
        Plan plan;
        plan.pp = pp;
        plan.vpp = vpp;
        plan.schedule = ScheduleKind::interleaved;
        const int microbatches = rounds * pp;
        const auto step = lower(uniform_model(16), ideal_pod(pp), plan, tiny_batch(microbatches));
        const double makespan = reference(*step).makespan_s;
        const auto work = work_by_stage(*step);
        INFO("pp " << pp << " vpp " << vpp << " microbatches " << microbatches);
        // Narayanan et al. (arXiv:2104.04473, section 2.2): bubble / ideal time = (p-1) / (v m).
        CHECK(makespan / work[pp / 2] - 1 ==
              Approx((pp - 1.0) / (vpp * microbatches)).epsilon(0.01).margin(0.002));
      }
}

namespace {
// Seconds of work in the blocks of a kind, for one microbatch of stage 0.
double work_of(const LoweredStep& step, BlockKind kind) {
  for (const Block& block : step.program.blocks)
    if (block.kind == kind && block.stage == 1) return work_in(step, block);
  return 0;
}
}  // namespace

TEST_CASE("bubbles of ZB-H1 and DualPipe, lowered and executed") {
  const int pp = 4, microbatches = 12;
  Plan plan;
  plan.pp = pp;
  plan.schedule = ScheduleKind::one_f_one_b;
  const auto whole = lower(uniform_model(8), ideal_pod(pp), plan, tiny_batch(microbatches));
  const double forward = work_of(*whole, BlockKind::forward),
               backward = work_of(*whole, BlockKind::backward);

  plan.schedule = ScheduleKind::zb_h1;
  const auto h1 = lower(uniform_model(8), ideal_pod(pp), plan, tiny_batch(microbatches));
  const double weight = work_of(*h1, BlockKind::weight_gradient);
  CHECK(work_of(*h1, BlockKind::backward) + weight == Approx(backward).epsilon(0.01));
  CHECK(weight == Approx(forward).epsilon(0.25));
  const double h1_work = work_by_stage(*h1)[1], h1_bubble = reference(*h1).makespan_s - h1_work;
  CHECK(h1_bubble == Approx((pp - 1) * (forward + backward - 2 * weight)).epsilon(0.02));

  plan.schedule = ScheduleKind::dualpipe;
  const auto dual = lower(uniform_model(8), ideal_pod(pp), plan, tiny_batch(microbatches));
  const double dual_bubble = reference(*dual).makespan_s - work_by_stage(*dual)[1];
  const double published = (pp / 2 - 1) * (forward + 2 * backward - 3 * weight);
  CHECK(dual_bubble <= 1.02 * published + 0.002 * h1_work);
  // Less than published where a joint block's forward starts before its backward's gradients have
  // arrived.
  CHECK(dual_bubble > 0.3 * published);
  CHECK(dual_bubble < h1_bubble);
}

TEST_CASE("what a schedule computes does not depend on the schedule") {
  Plan plan;
  plan.pp = 4;
  plan.ep = 2;
  const auto kernels_s = [&](ScheduleKind kind) {
    plan.schedule = kind;
    const auto step = lower(moe_model(8), ideal_pod(8), plan, tiny_batch(16));
    double seconds = 0;
    for_each_task(*step,
                  [&](const Block&, const TaskGraph&, const Task& task, const InstanceData& data) {
                    if (task.kind == TaskKind::compute)
                      seconds += task.draw >= 0 ? data.seconds[task.draw] : task.seconds;
                  });
    return seconds;
  };
  const double one = kernels_s(ScheduleKind::one_f_one_b);
  for (ScheduleKind kind :
       {ScheduleKind::gpipe, ScheduleKind::zb_h1, ScheduleKind::zb_2p, ScheduleKind::dualpipev})
    CHECK(kernels_s(kind) == Approx(one).epsilon(0.01));
  // DualPipe keeps two copies of the parameters, and casts both after the optimizer.
  CHECK(kernels_s(ScheduleKind::dualpipe) == Approx(one).epsilon(0.05));
}

TEST_CASE("the breakdown of a pipeline without communication is compute and bubble") {
  Plan plan;
  plan.pp = 4;
  const auto step = lower(uniform_model(8), ideal_pod(4), plan, tiny_batch(8));
  const Execution done = reference(*step);
  const Breakdown mean_rank = mean(breakdown_by_rank(step->program, done));
  CHECK(mean_rank.total() == Approx(done.makespan_s).epsilon(1e-12));
  CHECK(mean_rank.bubble / done.makespan_s == Approx(3.0 / 11).epsilon(0.005));
  CHECK(mean_rank.exposed_pp + mean_rank.exposed_dp + mean_rank.exposed_tp ==
        Approx(0).margin(1e-9));
}

// Also one join of the gradients of all cells.
TEST_CASE(
    "blocks: one per operation of the schedule, one optimizer and one parameter gather per stage "
    "and cell") {
  Plan plan;
  plan.pp = 2;
  plan.vpp = 2;
  plan.ep = 4;
  plan.schedule = ScheduleKind::interleaved;
  plan.simulated_replicas = 0;
  plan.align_param_gather = true;
  const auto step = lower(moe_model(4), ideal_pod(16), plan, tiny_batch(64));
  const Mapping& mapping = step->context.mapping;
  CHECK(mapping.simulated_cells == 2);
  CHECK(mapping.microbatches == 8);
  const size_t operations = 2 * 2 * 2 * 8;  // stages, chunks, directions, microbatches
  CHECK(step->program.blocks.size() == 2 * (operations + 2 + 2) + 1);
  // Far fewer templates than blocks: they are shared.
  CHECK(step->program.templates.size() < 50);
  std::set<std::pair<uint32_t, uint32_t>> first_ranks;
  for (const Block& block : step->program.blocks) {
    CHECK(block.first_rank == (block.stage * 2u + block.replica) * 4u);
    CHECK(block.first_layer < 4);
  }
}

TEST_CASE("bytes sent are bytes received, in every form and for every transfer") {
  for (const CollectiveAlgorithm form :
       {CollectiveAlgorithm::flat, CollectiveAlgorithm::port_balanced,
        CollectiveAlgorithm::hierarchical})
    for (const RoutingKind kind : {RoutingKind::balanced, RoutingKind::zipf}) {
      Plan plan;
      plan.tp = 2;
      plan.ep = 16;
      plan.pp = 2;
      plan.all_to_all = form;
      plan.dispatcher =
          form == CollectiveAlgorithm::hierarchical ? Dispatcher::deepep : Dispatcher::nccl;
      plan.simulated_replicas = 0;
      RoutingSpec routing;
      routing.kind = kind;
      routing.exponent = 0.5;
      Pod pod = ideal_pod(64);
      pod.nvlink_bytes_per_s = 450e9;
      pod.nic_bytes_per_s = 50e9;
      const auto step = lower(moe_model(4), pod, plan, tiny_batch(32), routing);
      const Fabric& fabric = step->context.fabric;
      std::set<int32_t> into;
      for (const RankPlace& place : fabric.ranks) into.insert({place.nvlink_in, place.nic_in});
      LinkLoads loads(fabric);
      int checked = 0;
      bool balanced = true;
      for_each_task(*step, [&](const Block& block, const TaskGraph& graph, const Task& task,
                               const InstanceData& data) {
        if (task.kind != TaskKind::transfer) return;
        for (const bool nvlink : {true, false}) {
          std::vector<LinkLoad> out;
          loads.collect(flows_of(graph, task, data), block.first_rank, nvlink, out);
          double sent = 0, received = 0;
          for (const LinkLoad& load : out) (into.count(load.link) ? received : sent) += load.bytes;
          balanced = balanced && std::abs(sent - received) <= 1e-6 * sent + 1;
          checked += sent > 0;
        }
      });
      INFO("form " << static_cast<int>(form) << " routing " << static_cast<int>(kind));
      CHECK(balanced);
      CHECK(checked > 100);
    }
}

TEST_CASE("tensor and context parallelism move what the papers say") {
  Plan plan;
  plan.tp = 4;
  const auto step = lower(dense_model(2), ideal_pod(4), plan, tiny_batch(1));
  double sent = 0;
  for_each_task(
      *step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.stream != Stream::tp || task.kind != TaskKind::transfer) return;
        for (const Flow& flow : flows_of(graph, task, data)) sent += flow.bytes;
      });
  // With sequence parallelism: two all-gathers and two reduce-scatters a layer in each direction
  // (Korthikanti et al., arXiv:2205.05198, section 4.2.2), of which each of 4 ranks sends 3/4; one
  // more around the logits each way.
  const double buffer = 1024.0 * 512 * 2;
  CHECK(sent == Approx((2 * (4 + 4) + 2) * 4 * buffer * 3 / 4));
}

TEST_CASE("in a joint block, transfers without overlap stop the compute of both microbatches") {
  Pod pod = ideal_pod(8);
  pod.nvlink_bytes_per_s = 1e12;
  Plan plan;
  plan.zero_stage = 3;
  plan.ep = 2;
  plan.ep_overlap = true;
  plan.overlap_param_gather = plan.overlap_grad_reduce = false;
  const auto step = lower(moe_model(4), pod, plan, tiny_batch(32));
  const Execution execution = reference(*step);
  struct Span {
    double begin, end;
  };
  std::map<uint32_t, std::vector<Span>> computes, transfers;  // by rank
  for (uint32_t row = 0; row < execution.record.rows(); ++row) {
    const Block& block = step->program.blocks[execution.record.block[row]];
    const Task& task = step->program.templates[block.graph].tasks[execution.record.task[row]];
    const Span span{execution.record.start_s[row], execution.record.end_s[row]};
    if (block.kind != BlockKind::overlapped) continue;
    if (task.kind == TaskKind::compute) computes[block.first_rank + task.rank].push_back(span);
    if (task.kind == TaskKind::transfer && task.stream == Stream::dp)
      transfers[block.first_rank + task.rank].push_back(span);
  }
  REQUIRE_FALSE(transfers.empty());
  double transfer_s = 0, beside_s = 0;
  for (const auto& [rank, spans] : transfers)
    for (const Span& transfer : spans) {
      transfer_s += transfer.end - transfer.begin;
      for (const Span& compute : computes[rank])
        beside_s += std::max(
            0.0, std::min(transfer.end, compute.end) - std::max(transfer.begin, compute.begin));
    }
  CHECK(beside_s < 1e-9 * transfer_s);
}

TEST_CASE("a joint block of DualPipe sends both messages when both halves are done") {
  Plan plan;
  plan.pp = 4;
  plan.schedule = ScheduleKind::dualpipe;
  const auto step = lower(uniform_model(8), ideal_pod(4), plan, tiny_batch(12));
  const Execution execution = reference(*step);
  std::map<uint32_t, double> computed;  // by block: end of its last compute
  for (uint32_t row = 0; row < execution.record.rows(); ++row) {
    const Block& block = step->program.blocks[execution.record.block[row]];
    const Task& task = step->program.templates[block.graph].tasks[execution.record.task[row]];
    if (task.kind == TaskKind::compute)
      computed[execution.record.block[row]] =
          std::max(computed[execution.record.block[row]], execution.record.end_s[row]);
  }
  int messages = 0;
  for (uint32_t row = 0; row < execution.record.rows(); ++row) {
    const uint32_t id = execution.record.block[row];
    const Block& block = step->program.blocks[id];
    const Task& task = step->program.templates[block.graph].tasks[execution.record.task[row]];
    if (block.kind != BlockKind::overlapped || task.stream != Stream::pp ||
        task.kind != TaskKind::transfer)
      continue;
    ++messages;
    CHECK(execution.record.start_s[row] >= computed.at(id));
  }
  CHECK(messages > 0);
}
