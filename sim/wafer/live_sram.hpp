// SRAM of a wafer over an executed step: what its tasks held at the times at which the record says
// that they ran. It takes the sizes of tensors from the blocks (wafer/memory.hpp) and nothing of
// the planner's rules on what is there together, so that the two can be held against each other.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "graph/record.hpp"
#include "wafer/step.hpp"

namespace moesim {

struct SramMoment {
  double time_s = 0;
  double bytes = 0;
};

// Buffers for weights and gradients count as allocated: a program reserves them for the whole step.
struct LiveSram {
  std::vector<SramMoment> moments;  // in the order of time; the first is at 0
  double peak_bytes = 0, peak_at_s = 0;
  BlockId peak_block = 0;                         // under way at the peak
  std::array<double, kSramTensors> peak_parts{};  // by SramTensor
  double most_weights = 0, most_gradients = 0;    // that ever lay in their buffers at once
};

LiveSram live_sram(const LoweredWaferStep& step, const Record& record, uint32_t wafer);

}  // namespace moesim
