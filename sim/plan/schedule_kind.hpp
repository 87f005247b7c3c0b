// Pipeline schedules as one table: their names, their lists of operations, their bubbles, and what
// else the rest of the program asks about them. Nothing else asks which schedule it is, so a new
// one is an enumerator, a row and its two functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/spelling.hpp"

namespace moesim {

struct Plan;
struct PipelineOp;                         // plan/schedule.hpp
using StageOps = std::vector<PipelineOp>;  // what one stage does, in order

// How the slices of a model lie on the stages of a pipeline.
enum class SliceOrder : uint8_t {
  looping,  // slice v on stage v mod pp: one chunk each, or vpp of them
  folded,   // V: down the stages with chunk 0, and back up with chunk 1
  two_way,  // chunk 0 holds the model from the first stage to the last, chunk 1 from the last to
            // the first; half of the microbatches take each way
};

// One microbatch on one stage: `forward`, `backward` (data gradients) and `weight` (weight
// gradients) seconds.
struct PassSeconds {
  double forward = 0, backward = 0, weight = 0;
};

// Seconds that a stage stands still, by the schedule's published formula: `formula` in the letters
// p (stages), v (chunks), F, B, W (PassSeconds); `factor` is what p and v make of it.
struct Bubble {
  const char* formula = "";
  std::string factor;
  double seconds = 0;  // may be negative
};

struct ScheduleTraits {
  const char* name;
  // Returns the operations of every stage for this number of microbatches.
  std::vector<StageOps> (*operations)(const Plan& plan, int microbatches);
  Bubble (*bubble)(const Plan& plan, const PassSeconds& pass);
  SliceOrder order = SliceOrder::looping;
  // Forwards overlap backwards of other microbatches in joint blocks by the schedule's own design:
  // weight gradients wait for communication to hide, and both messages of a block leave at its end.
  bool dual = false;
  bool takes_ep_overlap = false;  // plan.ep_overlap makes joint blocks of its operations
  bool interleaves = false;       // needs vpp > 1, and microbatches in rounds of pp
  bool listed = false;            // its operations are plan.schedule_ops, with any vpp
  // Bubbles are p - 1 whole passes, (p - 1) / (m + p - 1) of the step.
  bool whole_pass_bubble = false;
};

// The row number in kSchedules.
enum class ScheduleKind : uint8_t {
  one_f_one_b,
  interleaved,
  gpipe,
  zb_h1,
  zb_2p,
  dualpipe,
  dualpipev,
  custom,
};

// plan/schedule.cpp
std::vector<StageOps> one_f_one_b_operations(const Plan& plan, int microbatches);
std::vector<StageOps> interleaved_operations(const Plan& plan, int microbatches);
std::vector<StageOps> gpipe_operations(const Plan& plan, int microbatches);
std::vector<StageOps> listed_operations(const Plan& plan, int microbatches);
Bubble one_f_one_b_bubble(const Plan& plan, const PassSeconds& pass);
Bubble interleaved_bubble(const Plan& plan, const PassSeconds& pass);
Bubble listed_bubble(const Plan& plan, const PassSeconds& pass);
// plan/schedule_zero_bubble.cpp
std::vector<StageOps> zero_bubble_h1_operations(const Plan& plan, int microbatches);
std::vector<StageOps> zero_bubble_2p_operations(const Plan& plan, int microbatches);
Bubble zero_bubble_h1_bubble(const Plan& plan, const PassSeconds& pass);
Bubble zero_bubble_2p_bubble(const Plan& plan, const PassSeconds& pass);
// plan/schedule_dualpipe.cpp
std::vector<StageOps> dualpipe_operations(const Plan& plan, int microbatches);
std::vector<StageOps> dualpipe_v_operations(const Plan& plan, int microbatches);
Bubble dualpipe_bubble(const Plan& plan, const PassSeconds& pass);
Bubble dualpipe_v_bubble(const Plan& plan, const PassSeconds& pass);

inline constexpr auto kSchedules = std::to_array<ScheduleTraits>({
    {.name = "1f1b",
     .operations = one_f_one_b_operations,
     .bubble = one_f_one_b_bubble,
     .takes_ep_overlap = true,
     .whole_pass_bubble = true},
    {.name = "interleaved",
     .operations = interleaved_operations,
     .bubble = interleaved_bubble,
     .takes_ep_overlap = true,
     .interleaves = true},
    {.name = "gpipe",
     .operations = gpipe_operations,
     .bubble = one_f_one_b_bubble,
     .whole_pass_bubble = true},
    {.name = "zb-h1", .operations = zero_bubble_h1_operations, .bubble = zero_bubble_h1_bubble},
    {.name = "zb-2p", .operations = zero_bubble_2p_operations, .bubble = zero_bubble_2p_bubble},
    {.name = "dualpipe",
     .operations = dualpipe_operations,
     .bubble = dualpipe_bubble,
     .order = SliceOrder::two_way,
     .dual = true},
    {.name = "dualpipev",
     .operations = dualpipe_v_operations,
     .bubble = dualpipe_v_bubble,
     .order = SliceOrder::folded,
     .dual = true},
    {.name = "custom", .operations = listed_operations, .bubble = listed_bubble, .listed = true},
});

constexpr const ScheduleTraits& traits(ScheduleKind kind) {
  return kSchedules[static_cast<size_t>(kind)];
}

inline constexpr auto kScheduleNames = spelled_rows<ScheduleKind>(kSchedules);
constexpr const auto& enum_names(ScheduleKind) { return kScheduleNames; }

}  // namespace moesim
