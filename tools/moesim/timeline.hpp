// --trace: which ranks to draw, and the file.
#pragma once

#include <string>

#include "run/run_step.hpp"

namespace moesim {

struct TimelineOptions {
  std::string file;   // empty: none
  std::string ranks;  // "0,8", "all"; empty: one rank of each stage, or of each node when there is
                      // one stage
  std::string level = "task";
};

// Throws InputError for ranks that are not simulated. Call before the simulation to fail early.
std::vector<uint32_t> timeline_ranks(const StepContext& context, const std::string& ranks);
// The same on a wafer system, where ranks are wafers.
std::vector<uint32_t> timeline_wafers(const WaferContext& context, const std::string& wafers);
void write_timeline(const RunResult& result, const TimelineOptions& options);

}  // namespace moesim
