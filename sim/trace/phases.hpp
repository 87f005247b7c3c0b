// The level phase: for each block and rank one slice per phase from the first to the last of its
// kernels, and the same for pipeline messages, gradient reductions and parameter gathers on their
// streams. What happens inside a layer is left out; recomputation counts as part of the backward
// pass.
#pragma once

#include <vector>

#include "trace/events.hpp"
#include "trace/trace.hpp"
#include "trace/tracks.hpp"
#include "trace/view.hpp"

namespace moesim {

// The phase that a task is drawn under.
Phase shown_phase(Phase phase);

struct PhaseSlice {
  int64_t start_ns = 0, end_ns = 0;
  uint32_t rank = 0;  // simulated
  BlockId block = 0;
  Stream stream = Stream::compute;
  Phase phase = Phase::forward;
  uint16_t lane = 0;
};

// In order of start times, with lanes taken from `lanes`.
std::vector<PhaseSlice> phase_slices(const Program& program, const Record& record,
                                     const TraceView& view, LaneAllocator& lanes);

void write_phases(const Program& program, const std::vector<PhaseSlice>& slices,
                  const TraceTracks& tracks, TraceEvents& events);

}  // namespace moesim
