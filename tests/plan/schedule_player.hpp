// Plays a schedule with passes of given lengths: no communication, every stage alike. Written
// against the definition of the lists, not against the code that lowers them.
#pragma once

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "plan/schedule.hpp"

struct PassTimes {
  double forward = 1, data = 1, weight = 1;
  double both() const { return forward + data + weight; }  // a forward and a whole backward at once
};

struct Played {
  bool finished = true;
  double makespan = 0;
  std::vector<double> busy;   // per stage
  std::vector<double> first;  // start of its first operation
  std::vector<double> last;   // end of its last
  double bubble(int stage) const { return makespan - busy[stage]; }
};

inline Played play(const moesim::PipelineShape& shape, const std::vector<moesim::StageOps>& stages,
                   const PassTimes& times) {
  using namespace moesim;
  const size_t count = stages.size();
  Played played{true, 0, std::vector<double>(count, 0), std::vector<double>(count, -1),
                std::vector<double>(count, 0)};
  std::map<std::tuple<bool, int, int>, double> done;  // forward, slice, microbatch
  std::vector<size_t> next(count, 0);
  const auto arrival = [&](int stage, const PipelineOp& op, double& at) {
    const int slice = shape.slice({stage, op.chunk});
    if (op.kind == OpKind::backward_weight || (op.forward() && slice == 0)) return true;
    std::tuple<bool, int, int> key{op.forward(), op.forward() ? slice - 1 : slice + 1,
                                   op.microbatch};
    if (!op.forward() && slice + 1 == shape.slices) key = {true, slice, op.microbatch};
    if (!done.count(key)) return false;
    at = std::max(at, done.at(key));
    return true;
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t stage = 0; stage < count; ++stage)
      while (next[stage] < stages[stage].size()) {
        const PipelineOp* op = &stages[stage][next[stage]];
        const int here = static_cast<int>(stage), ops = op->overlaps_next ? 2 : 1;
        double start = played.last[stage];
        if (!arrival(here, op[0], start) || (ops == 2 && !arrival(here, op[1], start))) break;
        const double alone = op->forward()                       ? times.forward
                             : op->kind == OpKind::backward      ? times.data + times.weight
                             : op->kind == OpKind::backward_data ? times.data
                                                                 : times.weight;
        const double length = ops == 2 ? times.both() : alone;
        for (int i = 0; i < ops; ++i)
          if (op[i].kind != OpKind::backward_weight)
            done[{op[i].forward(), shape.slice({here, op[i].chunk}), op[i].microbatch}] =
                start + length;
        if (played.first[stage] < 0) played.first[stage] = start;
        played.busy[stage] += length;
        played.last[stage] = start + length;
        next[stage] += static_cast<size_t>(ops);
        moved = true;
      }
  }
  for (size_t stage = 0; stage < count; ++stage) {
    played.finished = played.finished && next[stage] == stages[stage].size();
    played.makespan = std::max(played.makespan, played.last[stage]);
  }
  return played;
}

inline moesim::Plan plan_of(moesim::ScheduleKind kind, int pp, int vpp = 1) {
  moesim::Plan plan;
  plan.schedule = kind;
  plan.pp = pp;
  plan.vpp = vpp;
  return plan;
}

inline Played played(const moesim::Plan& plan, int microbatches, const PassTimes& times = {}) {
  return play(moesim::pipeline_shape(plan), moesim::make_schedule(plan, microbatches), times);
}

// Lengths of passes that are not equal.
inline const std::vector<PassTimes> kUnequalPasses = {{1, 1.3, 0.6}, {1, 1.2, 1}, {2, 2.5, 1.5}};
