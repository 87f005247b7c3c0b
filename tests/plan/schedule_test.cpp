#include "plan/schedule.hpp"

#include "catch.hpp"
#include "plan/schedule_player.hpp"
#include "plan/schedule_text.hpp"

using namespace moesim;

namespace {

int most_in_flight(const StageOps& ops) {
  int live = 0, most = 0;
  for (const PipelineOp& op : ops) {
    live += op.forward() ? 1 : 0;
    most = std::max(most, live);
    live -= op.gives_weight_gradients() ? 1 : 0;
  }
  return most;
}

}  // namespace

TEST_CASE("1F1B as in the paper's figure") {
  CHECK(to_text(one_f_one_b(0, 4, 4)) == "F0 F1 F2 F3 B0 B1 B2 B3");
  CHECK(to_text(one_f_one_b(1, 4, 6)) == "F0 F1 F2 B0 F3 B1 F4 B2 F5 B3 B4 B5");
  CHECK(to_text(one_f_one_b(3, 4, 3)) == "F0 B0 F1 B1 F2 B2");
  CHECK(to_text(one_f_one_b(0, 4, 2)) == "F0 F1 B0 B1");  // fewer microbatches than stages
  CHECK(to_text(one_f_one_b(0, 1, 2)) == "F0 B0 F1 B1");
  CHECK(to_text(one_f_one_b(2, 4, 5, true)) == "F0 F1 F2 F3+B0 F4+B1 B2 B3 B4");
}

TEST_CASE("interleaved 1F1B as Megatron-LM orders it") {
  // Two stages, two chunks: warm-up of stage 0 is (2-0-1)*2 + (2-1)*2 = 4, of stage 1 it is 2.
  CHECK(to_text(interleaved(0, 2, 2, 4), true) ==
        "F0.0 F1.0 F0.1 F1.1 F2.0 B0.1 F3.0 B1.1 F2.1 B0.0 F3.1 B1.0 B2.1 B3.1 B2.0 B3.0");
  CHECK(to_text(interleaved(1, 2, 2, 4), true) ==
        "F0.0 F1.0 F0.1 B0.1 F1.1 B1.1 F2.0 B0.0 F3.0 B1.0 F2.1 B2.1 F3.1 B3.1 B2.0 B3.0");
}

TEST_CASE(
    "every schedule is complete and runs to its end, on any number of stages and microbatches") {
  struct Case {
    ScheduleKind kind;
    int vpp;
  };
  std::vector<Case> cases;
  for (const auto& [kind, name] : kScheduleNames) {
    if (traits(kind).listed) continue;  // tests/plan/schedule_text_test.cpp
    cases.push_back({kind, traits(kind).interleaves ? 2 : 1});
    if (traits(kind).interleaves) cases.push_back({kind, 3});
  }
  for (const auto& [kind, vpp] : cases)
    for (const int pp : {2, 4, 6, 8})
      for (const int rounds : {1, 2, 3, 7}) {
        const Plan plan = plan_of(kind, pp, vpp);
        const int multiple = microbatch_multiple(plan);
        const int microbatches =
            std::max(fewest_microbatches(plan), multiple) + (rounds - 1) * multiple;
        INFO("schedule " << spelling(kind) << " pp " << pp << " vpp " << vpp << " of "
                         << microbatches);
        for (const bool overlap : {false, true}) {
          Plan overlapped = plan;
          overlapped.ep_overlap = overlap;
          const auto stages = make_schedule(overlapped, microbatches);
          CHECK(schedule_problem(pipeline_shape(overlapped), stages, microbatches) == "");
          CHECK(play(pipeline_shape(overlapped), stages, {}).finished);
        }
      }
}

TEST_CASE("rows of the table are the schedules of their names") {
  for (const auto& [kind, name] : kScheduleNames) CHECK(spelled<ScheduleKind>(name) == kind);
  CHECK(spelling(ScheduleKind::one_f_one_b) == std::string("1f1b"));
  CHECK(spelling(ScheduleKind::interleaved) == std::string("interleaved"));
  CHECK(spelling(ScheduleKind::gpipe) == std::string("gpipe"));
  CHECK(spelling(ScheduleKind::zb_h1) == std::string("zb-h1"));
  CHECK(spelling(ScheduleKind::zb_2p) == std::string("zb-2p"));
  CHECK(spelling(ScheduleKind::dualpipe) == std::string("dualpipe"));
  CHECK(spelling(ScheduleKind::dualpipev) == std::string("dualpipev"));
  CHECK(spelling(ScheduleKind::custom) == std::string("custom"));
}

TEST_CASE("the published bubble of each schedule is what its operations leave with equal passes") {
  // F = B = W = 1. DualPipeV's formula counts half passes, two of which are one here; interleaved
  // chunks are 1 / v of a pass.
  for (const auto& [kind, name] : kScheduleNames) {
    if (traits(kind).listed) continue;
    const int vpp = traits(kind).interleaves ? 2 : 1;
    const Plan plan = plan_of(kind, 8, vpp);
    const double pass = traits(kind).order == SliceOrder::folded ? 2.0 : vpp;
    INFO(name);
    const Bubble bubble = traits(kind).bubble(plan, {pass, pass, pass});
    const Played result = played(plan, 40);
    // ZB-2p's stages begin and end one after the other, and the optimizer with them.
    const double idle = kind == ScheduleKind::zb_2p
                            ? result.last[0] - result.first[0] - result.busy[0]
                            : result.bubble(0);
    CHECK(idle == Approx(std::max(0.0, bubble.seconds)).margin(1e-9));
    CHECK(std::string(bubble.formula).find('p') != std::string::npos);
    CHECK(bubble.factor != "");
  }
}

TEST_CASE("bubbles of equal passes are the published ones") {
  for (const int pp : {2, 4, 8})
    for (const int microbatches : {2 * pp, 2 * pp + 6, 5 * pp}) {
      const PassTimes times;  // F = 1, B = 2 of which W = 1
      INFO("pp " << pp << " microbatches " << microbatches);
      // (p-1)(F+B): Narayanan et al., arXiv:2104.04473.
      CHECK(played(plan_of(ScheduleKind::gpipe, pp), microbatches, times).bubble(0) ==
            (pp - 1) * 3);
      CHECK(played(plan_of(ScheduleKind::one_f_one_b, pp), microbatches, times).bubble(0) ==
            (pp - 1) * 3);
      // (p-1)(F+B-2W): Qi et al., arXiv:2401.10241 table 1, and DeepSeek-V3, arXiv:2412.19437 table
      // 2 ("ZB1P").
      CHECK(played(plan_of(ScheduleKind::zb_h1, pp), microbatches, times).bubble(0) ==
            (pp - 1) * 1);
      // (p/2-1)(F&B+B-3W): arXiv:2412.19437 table 2; of DualPipeV with p stages, which folds 2p,
      // (p-1)(...).
      CHECK(played(plan_of(ScheduleKind::dualpipe, pp), microbatches, times).bubble(0) ==
            (pp / 2 - 1) * 2);
      CHECK(played(plan_of(ScheduleKind::dualpipev, pp), microbatches, times).bubble(0) ==
            (pp - 1) * 2);
    }
}

TEST_CASE("microbatches in flight: what each schedule costs in memory") {
  const int pp = 8, microbatches = 40;
  const auto most = [&](ScheduleKind kind, int stage) {
    return most_in_flight(make_schedule(plan_of(kind, pp), microbatches)[stage]);
  };
  for (int stage = 0; stage < pp; ++stage) {
    CHECK(most(ScheduleKind::gpipe, stage) == microbatches);
    CHECK(most(ScheduleKind::one_f_one_b, stage) == pp - stage);
    CHECK(most(ScheduleKind::zb_h1, stage) <= pp);
    CHECK(most(ScheduleKind::zb_2p, stage) <= 2 * pp);
    CHECK(most(ScheduleKind::dualpipe, stage) <=
          pp + 1);  // arXiv:2412.19437 table 2, in chunks of two directions
  }
}
