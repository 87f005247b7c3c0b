#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include "plan/schedule_text.hpp"

namespace moesim {

namespace {

// Every operation once and in an order that a stage can keep.
class StageCheck {
 public:
  StageCheck(const PipelineShape& shape, int stage, int microbatches)
      : shape_(shape), stage_(stage), microbatches_(microbatches) {}

  std::string run(const StageOps& ops) {
    for (const PipelineOp& op : ops)
      if (const std::string wrong = add(op); !wrong.empty())
        return fmt::format("stage {}: {} {}", stage_, to_text(op, shape_.chunks > 1), wrong);
    const size_t wanted = static_cast<size_t>(microbatches_) * shape_.chunks / shape_.copies();
    if (forwards_.size() != wanted)
      return fmt::format("stage {}: {} forwards, but there are {} microbatches{}", stage_,
                         forwards_.size(), microbatches_,
                         shape_.chunks > 1 ? fmt::format(" and {} chunks", shape_.chunks) : "");
    if (backwards_.size() != wanted)
      return fmt::format("stage {}: {} backwards for {} forwards", stage_, backwards_.size(),
                         wanted);
    if (weights_.size() != wanted)
      return fmt::format("stage {}: {} of {} data gradients (D) have no weight gradient (W)",
                         stage_, wanted - weights_.size(), wanted);
    return "";
  }

 private:
  using Key = std::pair<int, int>;

  std::string add(const PipelineOp& op) {
    const Key key{op.microbatch, op.chunk};
    if (op.microbatch >= microbatches_)
      return fmt::format("is beyond the {} microbatches", microbatches_);
    if (op.chunk >= shape_.chunks)
      return fmt::format("is beyond the {} chunks of a stage", shape_.chunks);
    if (op.forward()) return forwards_.insert(key).second ? "" : "stands there twice";
    if (op.kind != OpKind::backward_weight) {
      if (!forwards_.contains(key)) return "comes before its forward";
      if (!backwards_.insert(key).second) return "is a second backward";
      if (op.kind == OpKind::backward) weights_.insert(key);
      return "";
    }
    if (!backwards_.contains(key)) return "comes before its data gradient";
    return weights_.insert(key).second ? "" : "is a second weight gradient";
  }

  const PipelineShape& shape_;
  int stage_, microbatches_;
  std::set<Key> forwards_, backwards_, weights_;
};

// Each stage goes through its list and stops at what has not arrived.
class DryRun {
 public:
  DryRun(const PipelineShape& shape, const std::vector<StageOps>& stages)
      : shape_(shape), stages_(stages) {}

  std::string run() {
    next_.assign(stages_.size(), 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t stage = 0; stage < stages_.size(); ++stage)
        while (next_[stage] < stages_[stage].size() && advance(static_cast<int>(stage)))
          moved = true;
    }
    for (size_t stage = 0; stage < stages_.size(); ++stage)
      if (next_[stage] < stages_[stage].size()) return cycle(static_cast<int>(stage));
    return "";
  }

 private:
  using Event = std::tuple<bool, int, int>;  // forward, slice, microbatch

  // Finds what an operation waits for beyond its stage's order; the first slice's forward and
  // weight gradients: nothing.
  bool waits_for(int stage, const PipelineOp& op, Event& event) const {
    const int slice = shape_.slice({stage, op.chunk});
    if (op.kind == OpKind::backward_weight || (op.forward() && slice == 0)) return false;
    if (op.forward())
      event = {true, slice - 1, op.microbatch};
    else if (slice + 1 < shape_.slices)
      event = {false, slice + 1, op.microbatch};
    else
      event = {true, slice, op.microbatch};
    return true;
  }

  bool ready(int stage, const PipelineOp& op) const {
    Event event;
    return !waits_for(stage, op, event) || done_.contains(event);
  }

  bool advance(int stage) {
    const StageOps& ops = stages_[stage];
    const size_t first = next_[stage], count = ops[first].overlaps_next ? 2 : 1;
    for (size_t i = first; i < first + count; ++i)
      if (!ready(stage, ops[i])) return false;
    for (size_t i = first; i < first + count; ++i)
      if (ops[i].kind != OpKind::backward_weight)
        done_.insert({ops[i].forward(), shape_.slice({stage, ops[i].chunk}), ops[i].microbatch});
    next_[stage] += count;
    return true;
  }

  // From a blocked stage to the stage that should have sent, until a stage comes again.
  std::string cycle(int stage) const {
    std::map<int, size_t> seen;
    std::vector<std::string> steps;
    while (seen.emplace(stage, steps.size()).second) {
      const StageOps& ops = stages_[stage];
      const PipelineOp* op = &ops[next_[stage]];
      if (ready(stage, *op)) ++op;  // of two that overlap, the second one waits
      Event event;
      waits_for(stage, *op, event);
      const auto [forward, slice, microbatch] = event;
      const int way = shape_.way_of_chunk(op->chunk);
      const Seat sender = shape_.seat(slice, way);
      steps.push_back(fmt::format("stage {} stands at {}, which waits for {}{} of stage {}", stage,
                                  to_text(*op, shape_.chunks > 1), forward ? 'F' : 'B', microbatch,
                                  sender.stage));
      stage = sender.stage;
    }
    std::string text = "the schedule deadlocks: ";
    for (size_t i = seen.at(stage); i < steps.size(); ++i)
      text += (i > seen.at(stage) ? "; " : "") + steps[i];
    return text;
  }

  const PipelineShape& shape_;
  const std::vector<StageOps>& stages_;
  std::vector<size_t> next_;
  std::set<Event> done_;
};

}  // namespace

std::string schedule_problem(const PipelineShape& shape, const std::vector<StageOps>& stages,
                             int microbatches) {
  for (size_t stage = 0; stage < stages.size(); ++stage)
    if (std::string problem =
            StageCheck(shape, static_cast<int>(stage), microbatches).run(stages[stage]);
        !problem.empty())
      return problem;
  return DryRun(shape, stages).run();
}

}  // namespace moesim
