#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "plan/schedule.hpp"

namespace moesim {

namespace {

// Operations of a stage that two streams of microbatches meet at: `near` ones enter closer to this
// stage and leave it last, `far` ones the other way round. `distance`: stages between this one and
// the middle.
class TwoStreams {
 public:
  // `streams[0]` is the near stream; microbatches are numbered from `first` on.
  TwoStreams(int near_chunk, int first_of_chunk[2]) {
    chunk_[0] = near_chunk;
    chunk_[1] = 1 - near_chunk;
    for (int stream = 0; stream < 2; ++stream)
      next_forward_[stream] = next_backward_[stream] = first_of_chunk[chunk_[stream]];
  }

  void forward(int stream) {
    ops.push_back({OpKind::forward, next_forward_[stream]++, chunk_[stream]});
  }
  void backward(int stream) {
    ops.push_back({OpKind::backward, next_backward_[stream]++, chunk_[stream]});
  }
  void backward_data(int stream) {
    waiting_.push_back({OpKind::backward_weight, next_backward_[stream], chunk_[stream]});
    ops.push_back({OpKind::backward_data, next_backward_[stream]++, chunk_[stream]});
  }
  void weight() {
    ops.push_back(waiting_.front());
    waiting_.pop_front();
  }
  void both(int forward_stream, int backward_stream, bool overlapped = true) {
    forward(forward_stream);
    ops.back().overlaps_next = overlapped;
    backward(backward_stream);
  }

  StageOps ops;

 private:
  int chunk_[2];
  int next_forward_[2], next_backward_[2];
  std::deque<PipelineOp> waiting_;  // weight gradients not yet computed
};

constexpr int kNear = 0, kFar = 1;

// `each`: microbatches per stream. `distance`: stages from here to the middle; `from_end`: from the
// end to here.
StageOps meet(TwoStreams s, int each, int distance, int from_end) {
  const int half = distance + from_end;  // stages on this side of the middle
  for (int i = 0; i < 2 * distance; ++i) s.forward(kNear);
  for (int i = 0; i < from_end; ++i) {
    s.forward(kNear);
    s.forward(kFar);
  }
  for (int i = 0; i < distance; ++i) {
    s.backward_data(kFar);
    s.weight();
    s.forward(kFar);
  }
  for (int i = 0; i < each - 2 * half + from_end; ++i) {
    // Beside the middle the very first backward waits for the forward just before it: they cannot
    // overlap.
    s.both(kNear, kFar, i > 0 || distance > 0);
    s.both(kFar, kNear);
  }
  for (int i = 0; i < distance; ++i) {
    s.backward(kFar);
    s.both(kFar, kNear);
  }
  // Halfway through the last backwards their weight gradients begin to be postponed, to fill the
  // end.
  bool postpone = false;
  const auto last_backward = [&](int stream) {
    postpone ? s.backward_data(stream) : s.backward(stream);
  };
  for (int i = 0; i < from_end; ++i) {
    const bool turn = i == from_end / 2;
    if (turn && from_end % 2 == 0) postpone = true;
    last_backward(kFar);
    if (turn && from_end % 2 == 1) postpone = true;
    last_backward(kNear);
  }
  for (int i = 0; i < distance; ++i) {
    s.weight();
    s.backward_data(kNear);
  }
  for (int i = 0; i < from_end; ++i) s.weight();
  return std::move(s.ops);
}

}  // namespace

StageOps dualpipe(int stage, int stages, int microbatches) {
  const int from_end = std::min(stage, stages - 1 - stage) + 1;
  int first[2] = {0, microbatches / 2};
  return meet(TwoStreams(stage < stages / 2 ? 0 : 1, first), microbatches / 2,
              stages / 2 - from_end, from_end);
}

StageOps dualpipe_v(int stage, int stages, int microbatches) {
  int first[2] = {0, 0};
  return meet(TwoStreams(0, first), microbatches, stages - 1 - stage, stage + 1);
}

std::vector<StageOps> dualpipe_operations(const Plan& plan, int microbatches) {
  return each_stage(plan, [&](int stage) { return dualpipe(stage, plan.pp, microbatches); });
}

std::vector<StageOps> dualpipe_v_operations(const Plan& plan, int microbatches) {
  return each_stage(plan, [&](int stage) { return dualpipe_v(stage, plan.pp, microbatches); });
}

namespace {
// F&B + B - 3 W of arXiv:2412.19437, table 2, where F&B takes as long as one after the other and B
// is a whole backward.
double dual_pass_s(const PassSeconds& pass) {
  const double f = pass.forward, b = pass.backward, w = pass.weight;
  return f + b + w + b + w - 3 * w;
}
}  // namespace

Bubble dualpipe_bubble(const Plan& plan, const PassSeconds& pass) {
  return {"(p/2 - 1) ((F + B + W) + (B + W) - 3 W)", std::to_string(plan.pp / 2 - 1),
          (plan.pp / 2.0 - 1) * dual_pass_s(pass)};
}

// DualPipe's with half passes on twice the places.
Bubble dualpipe_v_bubble(const Plan& plan, const PassSeconds& pass) {
  return {"(p - 1)/2 ((F + B + W) + (B + W) - 3 W)", fmt::format("{} / 2", plan.pp - 1),
          (plan.pp - 1) / 2.0 * dual_pass_s(pass)};
}

}  // namespace moesim
