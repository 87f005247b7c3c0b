#include "plan/schedule.hpp"

#include <algorithm>

#include "plan/schedule_text.hpp"

namespace moesim {

namespace {
// Warm-up forwards, then one forward and one backward in turn, then the remaining backwards.
template <class Forward, class Backward>
StageOps alternate(int warmup, int total, bool overlap, Forward forward, Backward backward) {
  StageOps ops;
  for (int i = 0; i < warmup; ++i) ops.push_back(forward(i));
  for (int i = warmup; i < total; ++i) {
    ops.push_back(forward(i));
    ops.back().overlaps_next = overlap;
    ops.push_back(backward(i - warmup));
  }
  for (int i = total - warmup; i < total; ++i) ops.push_back(backward(i));
  return ops;
}
}  // namespace

StageOps one_f_one_b(int stage, int stages, int microbatches, bool overlap) {
  // A joint block passes its forward on as late as its backward, so that twice as many forwards
  // must be under way.
  const int distance = stages - 1 - stage;
  const int warmup = std::min(overlap ? 2 * distance + 1 : distance, microbatches);
  return alternate(
      warmup, microbatches, overlap,
      [](int i) {
        return PipelineOp{OpKind::forward, i, 0};
      },
      [](int i) {
        return PipelineOp{OpKind::backward, i, 0};
      });
}

StageOps interleaved(int stage, int stages, int chunks, int microbatches, bool overlap) {
  const int total = microbatches * chunks;
  const int warmup =
      std::min(total, (stages - stage - 1) * 2 + (chunks - 1) * stages + (overlap ? 1 : 0));
  const int round =
      stages * chunks;  // so many operations take `stages` microbatches through all chunks
  const auto op = [=](bool forward, int i) {
    const int chunk = i % round / stages;
    const int microbatch = i / round * stages + i % stages;
    return PipelineOp{forward ? OpKind::forward : OpKind::backward, microbatch,
                      forward ? chunk : chunks - 1 - chunk};
  };
  return alternate(
      warmup, total, overlap, [&](int i) { return op(true, i); },
      [&](int i) { return op(false, i); });
}

StageOps gpipe(int microbatches) {
  StageOps ops;
  for (int i = 0; i < microbatches; ++i) ops.push_back({OpKind::forward, i});
  for (int i = 0; i < microbatches; ++i) ops.push_back({OpKind::backward, i});
  return ops;
}

std::vector<StageOps> make_schedule(const Plan& plan, int microbatches) {
  if (plan.schedule == ScheduleKind::zb_2p) return zero_bubble_2p(plan.pp, microbatches);
  std::vector<StageOps> stages;
  for (int stage = 0; stage < plan.pp; ++stage) switch (plan.schedule) {
      case ScheduleKind::gpipe:
        stages.push_back(gpipe(microbatches));
        break;
      case ScheduleKind::one_f_one_b:
        stages.push_back(one_f_one_b(stage, plan.pp, microbatches, plan.ep_overlap));
        break;
      case ScheduleKind::interleaved:
        stages.push_back(interleaved(stage, plan.pp, plan.vpp, microbatches, plan.ep_overlap));
        break;
      case ScheduleKind::zb_h1:
        stages.push_back(zero_bubble_h1(stage, plan.pp, microbatches));
        break;
      case ScheduleKind::dualpipe:
        stages.push_back(dualpipe(stage, plan.pp, microbatches));
        break;
      case ScheduleKind::dualpipev:
        stages.push_back(dualpipe_v(stage, plan.pp, microbatches));
        break;
      case ScheduleKind::custom:
        stages.push_back(parse_schedule(plan.schedule_ops[stage]));
        break;
      case ScheduleKind::zb_2p:
        break;
    }
  return stages;
}

int fewest_microbatches(const Plan& plan) {
  const bool dual =
      plan.schedule == ScheduleKind::dualpipe || plan.schedule == ScheduleKind::dualpipev;
  return dual ? 2 * plan.pp : 1;
}

int microbatch_multiple(const Plan& plan) {
  if (plan.schedule == ScheduleKind::interleaved) return plan.pp;
  return plan.schedule == ScheduleKind::dualpipe ? 2 : 1;
}

}  // namespace moesim
