// A stage's operations as text, as a scenario gives them (plan.schedule_ops) and messages show
// them: F3 forward of microbatch 3, B3 backward, D3 and W3 its data and weight half, F3.1 on chunk
// 1, F4+B3 overlapping.
#pragma once

#include <string>

#include "plan/schedule.hpp"

namespace moesim {

// Throws std::invalid_argument naming the word that is wrong.
StageOps parse_schedule(const std::string& text);

std::string to_text(const PipelineOp& op, bool with_chunk);
std::string to_text(const StageOps& ops, bool with_chunks = false);

// Says what keeps these lists from running to the end; empty: nothing does. Either an operation
// that is missing, twice or out of order, or a cycle of operations that wait for each other.
std::string schedule_problem(const PipelineShape& shape, const std::vector<StageOps>& stages,
                             int microbatches);

}  // namespace moesim
