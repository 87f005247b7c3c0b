// Device memory of each simulated rank over a simulated step: what its stage's blocks held, at the
// times at which they ran.
#pragma once

#include <vector>

#include "graph/program.hpp"
#include "graph/record.hpp"
#include "lower/step_context.hpp"
#include "plan/stage_memory.hpp"
#include "run/lowered_program.hpp"

namespace moesim {

// A block holds its fullest moment from its beginning to its end. Points of one rank are in the
// order of time; the first is at 0.
std::vector<std::vector<MemoryMoment>> memory_over_time(const Program& program,
                                                        const Record& record,
                                                        const StepContext& context,
                                                        const std::vector<StageMemoryNeed>& needs);

}  // namespace moesim
