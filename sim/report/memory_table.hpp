// Memory as a person reads it: whether it fits, the stages, and what fills the fullest of them.
#pragma once

#include <string>
#include <vector>

#include "metrics/step_report.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

// "fits", "tight: 1.2 GB above the reserve of 4 GB", "out of memory by 3.1 GB, largest: optimizer";
// of the stage that is worst off.
std::string memory_verdict(const std::vector<StageMemory>& memory);

// The section of a report. `shown`: rows of what is held at the fullest moment.
void add_memory(TableCanvas& table, const std::vector<StageMemory>& memory, size_t shown);

// The section alone, with the verdict.
std::string memory_table(const std::vector<StageMemory>& memory);

}  // namespace moesim
