// Zero-bubble schedules (Qi et al., arXiv:2401.10241).
#include "catch.hpp"
#include "plan/schedule_player.hpp"
#include "plan/schedule_text.hpp"

using namespace moesim;

TEST_CASE(
    "ZB-H1 as in the paper's figure: stage s postpones its weight gradients by s microbatches") {
  CHECK(to_text(zero_bubble_h1(0, 3, 4)) == "F0 F1 F2 D0 W0 F3 D1 W1 D2 W2 D3 W3");
  CHECK(to_text(zero_bubble_h1(2, 3, 4)) == "F0 D0 F1 D1 F2 D2 W0 F3 D3 W1 W2 W3");
}

TEST_CASE("ZB-2p leaves no gap between a stage's first and last operation when passes are equal") {
  for (const int pp : {2, 4, 8}) {
    const Played result = played(plan_of(ScheduleKind::zb_2p, pp), 5 * pp);
    for (int stage = 0; stage < pp; ++stage)
      CHECK(result.last[stage] - result.first[stage] == result.busy[stage]);
  }
}

TEST_CASE("ZB-H1 keeps its bubble when passes differ") {
  for (const PassTimes& times : kUnequalPasses)
    CHECK(played(plan_of(ScheduleKind::zb_h1, 8), 20, times).bubble(0) ==
          Approx(7 * (times.forward + times.data - times.weight)));
}
