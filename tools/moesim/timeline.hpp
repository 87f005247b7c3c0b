// --trace: which ranks to draw, and the file.
#pragma once

#include <string>

#include "run/run_step.hpp"

namespace moesim {

struct TimelineOptions {
  std::string file;   // empty: none
  std::string ranks;  // "0,8", "all"; empty: a sample, such as one rank of each stage
  std::string level = "task";
};

// Returns the simulated ranks to draw; empty: all. Throws InputError for ranks that are not
// simulated. Call before the simulation to fail early.
std::vector<uint32_t> timeline_ranks(const LoweredProgram& lowered, const std::string& ranks);

void write_timeline(const RunResult& result, const TimelineOptions& options);

}  // namespace moesim
