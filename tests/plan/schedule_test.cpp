#include "plan/schedule.hpp"

#include <map>
#include <set>

#include "catch.hpp"

using namespace moesim;

namespace {

// F and B with microbatch and, when interleaved, chunk.
std::string text(const StageOps& ops, bool chunks = false) {
  std::string result;
  for (const PipelineOp& op : ops) {
    if (!result.empty()) result += ' ';
    result += (op.forward ? "F" : "B") + std::to_string(op.microbatch);
    if (chunks) result += std::string(1, static_cast<char>('a' + op.chunk));
  }
  return result;
}

// Every operation once; each microbatch's forward of a chunk before its backward.
void check_complete(const StageOps& ops, int chunks, int microbatches) {
  std::map<std::pair<int, int>, int> forward, backward;
  for (size_t i = 0; i < ops.size(); ++i) {
    auto& at = ops[i].forward ? forward : backward;
    const bool fresh = at.emplace(std::pair{ops[i].microbatch, ops[i].chunk}, static_cast<int>(i)).second;
    CHECK(fresh);
  }
  CHECK(ops.size() == static_cast<size_t>(2 * chunks * microbatches));
  CHECK(forward.size() == static_cast<size_t>(chunks * microbatches));
  CHECK(backward.size() == forward.size());
  for (const auto& [key, place] : forward) CHECK(place < backward.at(key));
}

// Runs the schedule as a program counter per stage: an operation may pass once its neighbour's has.
bool can_progress(const std::vector<StageOps>& stages, int chunks) {
  const int count = static_cast<int>(stages.size()), virtual_stages = count * chunks;
  std::set<std::tuple<bool, int, int>> done;
  std::vector<size_t> next(stages.size(), 0);
  for (bool moved = true; moved;) {
    moved = false;
    for (int stage = 0; stage < count; ++stage)
      while (next[stage] < stages[stage].size()) {
        const PipelineOp& op = stages[stage][next[stage]];
        const int own = op.chunk * count + stage;
        const int before = op.forward ? own - 1 : own + 1;
        const bool ready = op.forward ? own == 0 || done.count({true, before, op.microbatch})
                                      : (own == virtual_stages - 1 ? done.count({true, own, op.microbatch}) > 0
                                                                   : done.count({false, before, op.microbatch}) > 0);
        if (!ready) break;
        done.insert({op.forward, own, op.microbatch});
        ++next[stage];
        moved = true;
      }
  }
  for (int stage = 0; stage < count; ++stage)
    if (next[stage] != stages[stage].size()) return false;
  return true;
}

int most_in_flight(const StageOps& ops) {
  int live = 0, most = 0;
  for (const PipelineOp& op : ops) most = std::max(most, live += op.forward ? 1 : -1);
  return most;
}

}  // namespace

TEST_CASE("1F1B as in the paper's figure") {
  CHECK(text(one_f_one_b(0, 4, 4)) == "F0 F1 F2 F3 B0 B1 B2 B3");
  CHECK(text(one_f_one_b(1, 4, 6)) == "F0 F1 F2 B0 F3 B1 F4 B2 F5 B3 B4 B5");
  CHECK(text(one_f_one_b(3, 4, 3)) == "F0 B0 F1 B1 F2 B2");
  CHECK(text(one_f_one_b(0, 4, 2)) == "F0 F1 B0 B1");  // fewer microbatches than stages
  CHECK(text(one_f_one_b(0, 1, 2)) == "F0 B0 F1 B1");
}

TEST_CASE("interleaved 1F1B as Megatron-LM orders it") {
  // Two stages, two chunks: warm-up of stage 0 is (2-0-1)*2 + (2-1)*2 = 4, of stage 1 it is 2.
  CHECK(text(interleaved(0, 2, 2, 4), true) == "F0a F1a F0b F1b F2a B0b F3a B1b F2b B0a F3b B1a B2b B3b B2a B3a");
  CHECK(text(interleaved(1, 2, 2, 4), true) == "F0a F1a F0b B0b F1b B1b F2a B0a F3a B1a F2b B2b F3b B3b B2a B3a");
}

TEST_CASE("schedules are complete, can progress, and hold what they should") {
  for (const int pp : {1, 2, 4, 8})
    for (const int vpp : {1, 2, 3})
      for (const int rounds : {1, 2, 5}) {
        if (pp == 1 && vpp > 1) continue;
        const int microbatches = vpp == 1 ? rounds * 2 + 1 : rounds * pp;
        Plan plan;
        plan.pp = pp;
        plan.vpp = vpp;
        plan.schedule = vpp > 1 ? ScheduleKind::interleaved : ScheduleKind::one_f_one_b;
        INFO("pp " << pp << " vpp " << vpp << " microbatches " << microbatches);
        const auto stages = make_schedule(plan, microbatches);
        REQUIRE(stages.size() == static_cast<size_t>(pp));
        for (const StageOps& ops : stages) check_complete(ops, vpp, microbatches);
        CHECK(can_progress(stages, vpp));
        if (vpp == 1)
          for (int stage = 0; stage < pp; ++stage)
            CHECK(most_in_flight(stages[stage]) == std::min(pp - stage, microbatches));
      }
}
