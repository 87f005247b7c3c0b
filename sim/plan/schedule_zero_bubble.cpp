#include <algorithm>
#include <limits>
#include <optional>

#include "plan/schedule.hpp"

namespace moesim {

StageOps zero_bubble_h1(int stage, int stages, int microbatches) {
  const int warmup = std::min(stages - 1 - stage, microbatches);
  StageOps ops;
  int weights = 0;
  const auto backward = [&](int i) {
    ops.push_back({OpKind::backward_data, i});
    if (i >= stage) ops.push_back({OpKind::backward_weight, weights++});
  };
  for (int i = 0; i < warmup; ++i) ops.push_back({OpKind::forward, i});
  for (int i = warmup; i < microbatches; ++i) {
    ops.push_back({OpKind::forward, i});
    backward(i - warmup);
  }
  for (int i = microbatches - warmup; i < microbatches; ++i) backward(i);
  while (weights < microbatches) ops.push_back({OpKind::backward_weight, weights++});
  return ops;
}

namespace {

// Builds the lists by playing the pipeline with passes of one time unit each.
class Play {
 public:
  Play(int stages, int microbatches, int limit)
      : stages_(stages), microbatches_(microbatches), limit_(limit) {
    states_.resize(stages);
    for (State& state : states_) {
      state.forward_end.assign(microbatches, kNever);
      state.backward_end.assign(microbatches, kNever);
    }
  }

  std::vector<StageOps> run() {
    const int total = 3 * stages_ * microbatches_;
    for (int done = 0; done < total; ++done) {
      std::optional<Candidate> best;
      for (int stage = 0; stage < stages_; ++stage)
        for (OpKind kind : {OpKind::backward_data, OpKind::forward, OpKind::backward_weight}) {
          const int ready = ready_at(stage, kind);
          if (ready != kNever && (!best || ready < best->at)) best = Candidate{ready, stage, kind};
        }
      take(*best);
    }
    std::vector<StageOps> ops;
    for (State& state : states_) ops.push_back(std::move(state.ops));
    return ops;
  }

 private:
  static constexpr int kNever = std::numeric_limits<int>::max();
  struct State {
    StageOps ops;
    int free = 0;  // when the stage can start its next operation
    int forwards = 0, backwards = 0, weights = 0;
    std::vector<int> forward_end, backward_end;
  };
  struct Candidate {
    int at;
    int stage;
    OpKind kind;
  };

  int ready_at(int stage, OpKind kind) const {
    const State& state = states_[stage];
    int arrived = 0;
    if (kind == OpKind::backward_weight) {
      if (state.weights >= state.backwards) return kNever;
    } else if (kind == OpKind::forward) {
      if (state.forwards >= microbatches_ || state.forwards - state.weights >= limit_)
        return kNever;
      if (stage > 0) arrived = states_[stage - 1].forward_end[state.forwards];
    } else {
      if (state.backwards >= state.forwards) return kNever;
      arrived = stage + 1 < stages_ ? states_[stage + 1].backward_end[state.backwards]
                                    : state.forward_end[state.backwards];
    }
    return arrived == kNever ? kNever : std::max(arrived, state.free);
  }

  void take(const Candidate& next) {
    State& state = states_[next.stage];
    state.free = next.at + 1;
    if (next.kind == OpKind::forward) {
      state.forward_end[state.forwards] = state.free;
      state.ops.push_back({next.kind, state.forwards++});
    } else if (next.kind == OpKind::backward_data) {
      state.backward_end[state.backwards] = state.free;
      state.ops.push_back({next.kind, state.backwards++});
    } else {
      state.ops.push_back({next.kind, state.weights++});
    }
  }

  int stages_, microbatches_, limit_;
  std::vector<State> states_;
};

}  // namespace

std::vector<StageOps> zero_bubble_2p(int stages, int microbatches) {
  return Play(stages, microbatches, 2 * stages).run();
}

std::vector<StageOps> zero_bubble_h1_operations(const Plan& plan, int microbatches) {
  return each_stage(plan, [&](int stage) { return zero_bubble_h1(stage, plan.pp, microbatches); });
}

std::vector<StageOps> zero_bubble_2p_operations(const Plan& plan, int microbatches) {
  return zero_bubble_2p(plan.pp, microbatches);
}

// arXiv:2401.10241, table 2.
Bubble zero_bubble_h1_bubble(const Plan& plan, const PassSeconds& pass) {
  return {"(p - 1) (F + B - W)", std::to_string(plan.pp - 1),
          (plan.pp - 1) * (pass.forward + pass.backward - pass.weight)};
}

// The same table: nothing when the three passes are equal.
Bubble zero_bubble_2p_bubble(const Plan& plan, const PassSeconds& pass) {
  return {"(p - 1) (F + B - 2 W)", std::to_string(plan.pp - 1),
          (plan.pp - 1) * (pass.forward + pass.backward - 2 * pass.weight)};
}

}  // namespace moesim
