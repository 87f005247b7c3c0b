#include "plan/schedule.hpp"

#include <fmt/format.h>

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
      stages * chunks;  // operations that take `stages` microbatches through all chunks
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

std::vector<StageOps> each_stage(const Plan& plan, const std::function<StageOps(int)>& operations) {
  std::vector<StageOps> stages;
  for (int stage = 0; stage < plan.pp; ++stage) stages.push_back(operations(stage));
  return stages;
}

std::vector<StageOps> one_f_one_b_operations(const Plan& plan, int microbatches) {
  return each_stage(
      plan, [&](int stage) { return one_f_one_b(stage, plan.pp, microbatches, plan.ep_overlap); });
}

std::vector<StageOps> interleaved_operations(const Plan& plan, int microbatches) {
  return each_stage(plan, [&](int stage) {
    return interleaved(stage, plan.pp, plan.vpp, microbatches, plan.ep_overlap);
  });
}

std::vector<StageOps> gpipe_operations(const Plan& plan, int microbatches) {
  return each_stage(plan, [&](int) { return gpipe(microbatches); });
}

std::vector<StageOps> listed_operations(const Plan& plan, int) {
  return each_stage(plan, [&](int stage) {
    return parse_schedule(plan.schedule_ops[static_cast<size_t>(stage)]);
  });
}

Bubble one_f_one_b_bubble(const Plan& plan, const PassSeconds& pass) {
  return {"(p - 1) (F + B + W)", std::to_string(plan.pp - 1),
          (plan.pp - 1) * (pass.forward + pass.backward + pass.weight)};
}

Bubble interleaved_bubble(const Plan& plan, const PassSeconds& pass) {
  return {"(p - 1) / v x (F + B + W)", fmt::format("{} / {}", plan.pp - 1, plan.vpp),
          (plan.pp - 1.0) / plan.vpp * (pass.forward + pass.backward + pass.weight)};
}

Bubble listed_bubble(const Plan& plan, const PassSeconds& pass) {
  Bubble bubble = one_f_one_b_bubble(plan, pass);
  bubble.formula = "(p - 1) (F + B + W), the formula of 1F1B";
  return bubble;
}

std::vector<StageOps> make_schedule(const Plan& plan, int microbatches) {
  return traits(plan.schedule).operations(plan, microbatches);
}

int fewest_microbatches(const Plan& plan) { return traits(plan.schedule).dual ? 2 * plan.pp : 1; }

int microbatch_multiple(const Plan& plan) {
  if (traits(plan.schedule).interleaves) return plan.pp;
  return traits(plan.schedule).order == SliceOrder::two_way ? 2 : 1;
}

}  // namespace moesim
