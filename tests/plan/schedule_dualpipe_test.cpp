// DualPipe and DualPipeV (DeepSeek-V3, arXiv:2412.19437, section 3.2.1).
#include "catch.hpp"
#include "plan/schedule_player.hpp"
#include "plan/schedule_text.hpp"

using namespace moesim;

TEST_CASE("DualPipe sends half of the microbatches each way") {
  const StageOps first = dualpipe(0, 4, 8), last = dualpipe(3, 4, 8);
  CHECK(to_text(first, true) ==
        "F0.0 F1.0 F2.0 F4.1 D4.1 W4.1 F5.1 F3.0+B5.1 F6.1+B0.0 B6.1 F7.1+B1.0 B7.1 D2.0 W2.0 D3.0 "
        "W3.0");
  CHECK(last.size() == first.size());
  CHECK(to_text(last, true).substr(0, 9) == "F4.1 F5.1");
}

TEST_CASE("DualPipe never exceeds its published bubble when passes differ") {
  for (const PassTimes& times : kUnequalPasses) {
    const double published = 3 * (times.both() + times.data - 2 * times.weight);
    const double bubble = played(plan_of(ScheduleKind::dualpipe, 8), 20, times).bubble(0);
    CHECK(bubble <= published + 1e-9);
    CHECK(bubble >= 0.85 * published);
  }
}

TEST_CASE("DualPipeV runs every microbatch down and up the stages") {
  const int pp = 4, microbatches = 10;
  const auto stages = make_schedule(plan_of(ScheduleKind::dualpipev, pp), microbatches);
  REQUIRE(stages.size() == pp);
  for (const StageOps& ops : stages)
    for (const int chunk : {0, 1}) {
      int forwards = 0, backwards = 0;
      for (const PipelineOp& op : ops)
        if (op.chunk == chunk) {
          forwards += op.forward() ? 1 : 0;
          backwards += op.gives_weight_gradients() ? 1 : 0;
        }
      CHECK(forwards == microbatches);
      CHECK(backwards == microbatches);
    }
}
