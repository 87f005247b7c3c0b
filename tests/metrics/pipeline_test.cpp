#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "metrics/summarize.hpp"

using namespace moesim;

TEST_CASE("a stage's blocks and its bubble fill the step") {
  ModelShape model = dense_model(8);
  model.vocab = 1;
  model.dense_ffn = 32768;
  Plan plan;
  plan.pp = 4;
  const auto pipeline = [&](ScheduleKind kind) {
    plan.schedule = kind;
    const auto step = lower(model, ideal_pod(4), plan, tiny_batch(12));
    const Execution done = execute_reference(step->program, step->context.fabric, *step->work);
    const auto stages = pipeline_use(step->program, done);
    REQUIRE(stages.size() == 4);
    for (const PipelineStage& stage : stages) {
      double sum = stage.bubble_s;
      for (double seconds : stage.seconds) sum += seconds;
      CHECK(sum == Approx(done.makespan_s));
      CHECK(stage.bubble_s > 0);
    }
    return stages[1];
  };
  const PipelineStage plain = pipeline(ScheduleKind::one_f_one_b);
  CHECK(plain.seconds[1] ==
        Approx(2 * plain.seconds[0]).epsilon(0.05));  // backward: twice the forward's FLOPs
  // The bubble of 1F1B: (p-1) forwards and backwards of one microbatch.
  CHECK(plain.bubble_s == Approx(3 * (plain.seconds[0] + plain.seconds[1]) / 12).epsilon(0.01));
  CHECK(plain.seconds[2] == 0);
  CHECK(plain.seconds[3] == 0);
  const PipelineStage split = pipeline(ScheduleKind::zb_h1);
  CHECK(split.seconds[1] + split.seconds[2] == Approx(plain.seconds[1]).epsilon(0.01));
  const PipelineStage dual = pipeline(ScheduleKind::dualpipe);
  CHECK(dual.seconds[3] > dual.seconds[0]);
}
