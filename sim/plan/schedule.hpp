// The order in which a pipeline stage runs its forward and backward blocks. A schedule is data: a
// list of operations for each stage; what an operation waits for (its microbatch arriving) is added
// when lowering. A new schedule is one more function that returns such lists with a row in
// plan/schedule_kind.hpp, or a list in the scenario (plan.schedule: custom).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plan/pipeline_shape.hpp"
#include "plan/plan.hpp"

namespace moesim {

enum class OpKind : uint8_t {
  forward,
  backward,         // gradients of inputs and of weights
  backward_data,    // gradients of inputs only: what the stage before waits for
  backward_weight,  // gradients of weights only: nothing waits for them but the optimizer
};

struct PipelineOp {
  OpKind kind = OpKind::forward;
  int microbatch = 0;
  int chunk = 0;  // model chunk on this stage
  bool overlaps_next =
      false;  // runs at the same time as the operation after it, compute and communication in turn
  bool forward() const { return kind == OpKind::forward; }
  bool gives_weight_gradients() const {
    return kind == OpKind::backward || kind == OpKind::backward_weight;
  }
  bool operator==(const PipelineOp&) const = default;
};

// All forwards, then all backwards (Huang et al., arXiv:1811.06965).
StageOps gpipe(int microbatches);
// 1F1B (PipeDream-flush; Narayanan et al., arXiv:2104.04473): stage s runs pp-1-s forwards, then
// alternates. `overlap`: more forwards run ahead, so that each forward overlaps the backward of an
// earlier microbatch (Megatron-LM --overlap-moe-expert-parallel-comm).
StageOps one_f_one_b(int stage, int stages, int microbatches, bool overlap = false);
// Interleaved 1F1B of the same paper, in Megatron-LM's order; microbatches must divide by stages.
StageOps interleaved(int stage, int stages, int chunks, int microbatches, bool overlap = false);
// ZB-H1 (Qi et al., arXiv:2401.10241): 1F1B with the backward split; stage s postpones its weight
// gradients by s microbatches, and fills the end with them. No more memory than 1F1B.
StageOps zero_bubble_h1(int stage, int stages, int microbatches);
// ZB-2p of the same paper: whatever is ready of backward, forward, weight gradients, in this order,
// as long as no more than 2 pp microbatches are alive; with passes of equal length no stage ever
// stands still between its first and last operation.
std::vector<StageOps> zero_bubble_2p(int stages, int microbatches);
// DualPipe (DeepSeek-V3, arXiv:2412.19437 section 3.2.1): microbatches enter at both ends, and
// forwards of one direction overlap backwards of the other. `microbatches`: even, at least 2 x
// stages; those of the second half enter at the last stage.
StageOps dualpipe(int stage, int stages, int microbatches);
// DualPipeV: the same folded in the middle, one copy of the parameters, each stage with two chunks
// of a V (deepseek-ai/DualPipe). `microbatches` at least 2 x stages.
StageOps dualpipe_v(int stage, int stages, int microbatches);

// Calls `operations` for each stage of the plan's pipeline.
std::vector<StageOps> each_stage(const Plan& plan, const std::function<StageOps(int)>& operations);

std::vector<StageOps> make_schedule(const Plan& plan, int microbatches);

// Fewest microbatches that the schedule can run, and what their number must be a multiple of.
int fewest_microbatches(const Plan& plan);
int microbatch_multiple(const Plan& plan);

}  // namespace moesim
