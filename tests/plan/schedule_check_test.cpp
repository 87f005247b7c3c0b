// Finds what is wrong with a list of operations, before anything is lowered
// (sim/plan/schedule_check.cpp).
#include "catch.hpp"
#include "plan/schedule_text.hpp"

using namespace moesim;

namespace {

std::vector<StageOps> stages(std::initializer_list<const char*> texts) {
  std::vector<StageOps> result;
  for (const char* text : texts) result.push_back(parse_schedule(text));
  return result;
}

PipelineShape looping(int pp, int vpp = 1) {
  Plan plan;
  plan.pp = pp;
  plan.vpp = vpp;
  return pipeline_shape(plan);
}

}  // namespace

TEST_CASE("lists that miss, repeat or reorder operations are named by stage and operation") {
  const auto problem = [](std::initializer_list<const char*> texts) {
    return schedule_problem(looping(static_cast<int>(texts.size())), stages(texts), 2);
  };
  CHECK(problem({"F0 F1 B0 B1", "F0 B0 F1 B1"}) == "");
  CHECK(problem({"F0 B0 B1", "F0 B0 F1 B1"}) == "stage 0: B1 comes before its forward");
  CHECK(problem({"F0 F1 B0 B1", "F0 B0 F1"}) == "stage 1: 1 backwards for 2 forwards");
  CHECK(problem({"F0 F1 B0 B1", "F0 B0"}) == "stage 1: 1 forwards, but there are 2 microbatches");
  CHECK(problem({"F0 F0 B0 B1", "F0 B0"}) == "stage 0: F0 stands there twice");
  CHECK(problem({"F0 F2 B0 B2", "F0 B0"}) == "stage 0: F2 is beyond the 2 microbatches");
  CHECK(problem({"F0 F1 D0 D1 W1", "F0 F1 B0 B1"}) ==
        "stage 0: 1 of 2 data gradients (D) have no weight gradient (W)");
  CHECK(problem({"F0 F1 B0 B1 W1", "F0 F1 B0 B1"}) == "stage 0: W1 is a second weight gradient");
}

TEST_CASE("a schedule that deadlocks names the cycle") {
  // Stage 0 wants its backward before it sends the second forward, stage 1 all forwards first.
  CHECK(schedule_problem(looping(2), stages({"F0 B0 F1 B1", "F0 F1 B0 B1"}), 2) ==
        "the schedule deadlocks: stage 0 stands at B0, which waits for B0 of stage 1; stage 1 "
        "stands at F1, which "
        "waits for "
        "F1 of stage 0");
  // An overlapped pair starts together: its forward waits for the stage before, which waits for its
  // backward.
  CHECK(schedule_problem(looping(2), stages({"F0 B0 F1 B1", "F0 F1+B0 B1"}), 2) ==
        "the schedule deadlocks: stage 0 stands at B0, which waits for B0 of stage 1; stage 1 "
        "stands at F1, which "
        "waits for "
        "F1 of stage 0");
}

TEST_CASE("operations beyond the chunks of a stage, and out of order, are named") {
  CHECK(schedule_problem(looping(2, 2), stages({"F0.2", "F0"}), 1) ==
        "stage 0: F0.2 is beyond the 2 chunks of a stage");
  CHECK(schedule_problem(looping(1), stages({"F0 W0 D0"}), 1) ==
        "stage 0: W0 comes before its data gradient");
  CHECK(schedule_problem(looping(1), stages({"F0 B0 B0"}), 1) ==
        "stage 0: B0 is a second backward");
  CHECK(schedule_problem(looping(1, 2), stages({"F0.0 F0.1 B0.1"}), 1) ==
        "stage 0: 1 backwards for 2 forwards");
}
