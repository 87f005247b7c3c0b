// The order in which a pipeline stage runs its forward and backward blocks. A schedule is data: a list of operations
// for each stage; what an operation waits for (its microbatch arriving) is added when lowering.
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace moesim {

struct PipelineOp {
  bool forward = true;
  int microbatch = 0;
  int chunk = 0;               // model chunk on this stage (0 unless interleaved)
  bool overlaps_next = false;  // runs at the same time as the operation after it, compute and communication in turn
  bool operator==(const PipelineOp&) const = default;
};

using StageOps = std::vector<PipelineOp>;

// 1F1B (PipeDream-flush; Narayanan et al., arXiv:2104.04473): stage s runs pp-1-s forwards, then alternates.
// `overlap`: more forwards run ahead, so that each forward overlaps the backward of an earlier microbatch
// (Megatron-LM --overlap-moe-expert-parallel-comm).
StageOps one_f_one_b(int stage, int stages, int microbatches, bool overlap = false);
// Interleaved 1F1B of the same paper, in Megatron-LM's order; microbatches must divide by stages.
StageOps interleaved(int stage, int stages, int chunks, int microbatches, bool overlap = false);

std::vector<StageOps> make_schedule(const Plan& plan, int microbatches);

}  // namespace moesim
