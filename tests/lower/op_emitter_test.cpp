#include "lower/op_emitter.hpp"

#include <string>

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "lower/step.hpp"

using namespace moesim;

namespace {

struct Sent {
  double bytes = 0;  // of all ranks
  int transfers = 0;
};

Sent gathered_backward(const LoweredStep& lowered, LoweredStep& step) {
  Sent sent;
  for_each_task(
      step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        const bool gather = task.kind == TaskKind::transfer && task.phase == Phase::backward &&
                            lowered.program.op_names[task.op] == "tp all-gather";
        if (!gather) return;
        ++sent.transfers;
        for (const Flow& flow : flows_of(graph, task, data)) sent.bytes += flow.bytes;
      });
  return sent;
}

Sent of(bool again, int tp = 2, bool sequence_parallel = true) {
  Plan plan;
  plan.tp = tp;
  plan.sequence_parallel = sequence_parallel;
  plan.software.gathers_input_again = again;
  const auto step = lower(dense_model(2), ideal_pod(tp), plan, tiny_batch(1));
  return gathered_backward(*step, *step);
}

}  // namespace

// Backward of two layers: the gradient of each region's output is gathered (attention and FFN), and
// with `gathers_input_again` the input of its first linear layer.
TEST_CASE("inputs of linear layers travel again for weight gradients") {
  const Sent once = of(false), again = of(true);
  CHECK(again.transfers == once.transfers + 2 * 2);
  const double hidden_states = 1024.0 * 512 * 2;  // tokens, width, bytes: half leaves each of two
  CHECK(again.bytes - once.bytes == Approx(4 * hidden_states));
  CHECK(of(true, 2, false).bytes == of(false, 2, false).bytes);
  CHECK(of(true, 1).transfers == 0);
}

TEST_CASE("the optimizer's passes over gradients take time by their bytes") {
  const auto optimizer_s = [](int gradient_passes, int norm_passes) {
    Plan plan;
    plan.software.gradient_passes = gradient_passes;
    plan.software.norm_passes = norm_passes;
    Pod pod = ideal_pod(1);
    pod.device.memory_bytes_per_s = 1e9;
    const auto step = lower(dense_model(2), pod, plan, tiny_batch(1));
    double seconds = 0;
    for (const Block& block : step->program.blocks)
      for (const Task& task : step->program.templates[block.graph].tasks)
        if (task.kind == TaskKind::compute && block.kind == BlockKind::optimizer)
          seconds += task.seconds;
    return seconds;
  };
  const double one_pass_s = optimizer_s(0, 2) - optimizer_s(0, 1);
  CHECK(one_pass_s > 0);
  CHECK(optimizer_s(3, 1) - optimizer_s(0, 1) == Approx(3 * one_pass_s));
}
