#include "lower/disturbance.hpp"

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

std::unique_ptr<LoweredStep> lower_with(const FaultSpec& faults, uint64_t seed = 1) {
  Plan plan;
  plan.ep = 8;
  return lower_step({moe_model(2), ideal_pod(8), plan, {}, tiny_batch(32), seed, faults});
}

double makespan(const FaultSpec& faults, uint64_t seed = 1) {
  const auto step = lower_with(faults, seed);
  return execute_reference(step->program, step->context.fabric, *step->work).makespan_s;
}

}  // namespace

TEST_CASE("every compute task of a slow device takes longer, no other does") {
  FaultSpec faults;
  faults.devices = {{{.rank = 3}, 0.8}};
  const auto step = lower_with(faults);
  const Disturbance disturbance(step->context, step->program);
  const Block& block = step->program.blocks[0];
  for (const Task& task : step->program.templates[block.graph].tasks)
    if (task.kind == TaskKind::compute)
      CHECK(disturbance.stretch(0, block, 0, task) == Approx(task.rank == 3 ? 1.25 : 1));
}

TEST_CASE("when all devices are slow, so is the step") {
  FaultSpec faults;
  faults.devices = {{{.node = 0}, 0.5}};
  CHECK(makespan(faults) == Approx(2 * makespan({})).epsilon(1e-6));
}

TEST_CASE("jitter has mean 1; a run of many kernels varies less than one kernel") {
  FaultSpec faults;
  faults.kernel_jitter = 0.2;
  const auto step = lower_with(faults);
  const Disturbance disturbance(step->context, step->program);
  const Block& block = step->program.blocks[0];
  const TaskGraph& graph = step->program.templates[block.graph];
  for (TaskId id = 0; id < graph.tasks.size(); ++id) {
    const Task& task = graph.tasks[id];
    if (task.kind != TaskKind::compute || task.rank != 0) continue;
    double sum = 0, squares = 0, nominal = 0, nominal_squares = 0;
    const int draws = 4000;
    for (BlockId of = 0; of < draws; ++of) {
      const double factor = disturbance.stretch(of, block, id, task);
      sum += factor;
      squares += factor * factor;
    }
    for (const ChainPart& part : step->program.chains[task.payload].parts) {
      nominal += part.seconds;
      nominal_squares += part.seconds * part.seconds;
    }
    const double mean = sum / draws;
    CHECK(mean == Approx(1).epsilon(0.02));
    const double expected = 0.2 * std::sqrt(nominal_squares) / nominal;
    CHECK(expected <= 0.2 * (1 + 1e-9));
    CHECK(std::sqrt(squares / draws - mean * mean) == Approx(expected).epsilon(0.06));
  }
}

TEST_CASE("jitter is a function of the seed, and makes a step that waits for the slowest longer") {
  FaultSpec faults;
  faults.kernel_jitter = 0.2;
  CHECK(makespan(faults, 1) == makespan(faults, 1));
  CHECK(makespan(faults, 1) != makespan(faults, 2));
  CHECK(makespan(faults) > makespan({}));
}
