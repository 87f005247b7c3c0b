// Why a program came to a stop: which blocks are left, and the cycle in which they wait for each
// other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/program.hpp"

namespace moesim {

struct BlockState {
  bool done = false;
  // Per task, how much is still missing; empty: nothing that the block waits for has arrived.
  std::vector<uint32_t> waiting;
};

// Returns several lines. To be called when nothing runs any more and some block is not done.
std::string explain_deadlock(const Program& program, std::vector<BlockState> blocks);

}  // namespace moesim
