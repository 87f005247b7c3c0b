#include "plan/schedule.hpp"

#include <algorithm>

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
  // A joint block passes its forward on as late as its backward, so that twice as many forwards must be under way.
  const int distance = stages - 1 - stage;
  const int warmup = std::min(overlap ? 2 * distance + 1 : distance, microbatches);
  return alternate(
      warmup, microbatches, overlap,
      [](int i) {
        return PipelineOp{true, i, 0};
      },
      [](int i) {
        return PipelineOp{false, i, 0};
      });
}

StageOps interleaved(int stage, int stages, int chunks, int microbatches, bool overlap) {
  const int total = microbatches * chunks;
  const int warmup = std::min(total, (stages - stage - 1) * 2 + (chunks - 1) * stages + (overlap ? 1 : 0));
  const int round = stages * chunks;  // so many operations take `stages` microbatches through all chunks
  const auto op = [=](bool forward, int i) {
    const int chunk = i % round / stages;
    const int microbatch = i / round * stages + i % stages;
    return PipelineOp{forward, microbatch, forward ? chunk : chunks - 1 - chunk};
  };
  return alternate(
      warmup, total, overlap, [&](int i) { return op(true, i); }, [&](int i) { return op(false, i); });
}

std::vector<StageOps> make_schedule(const Plan& plan, int microbatches) {
  std::vector<StageOps> stages;
  for (int stage = 0; stage < plan.pp; ++stage)
    stages.push_back(plan.vpp > 1 ? interleaved(stage, plan.pp, plan.vpp, microbatches, plan.ep_overlap)
                                  : one_f_one_b(stage, plan.pp, microbatches, plan.ep_overlap));
  return stages;
}

}  // namespace moesim
