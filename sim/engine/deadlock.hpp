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
  std::vector<uint32_t>
      waiting;  // per task, what is still missing; empty: nothing that it waits for has arrived
};

// Several lines; call when nothing runs any more and some block is not done.
std::string explain_deadlock(const Program& program, std::vector<BlockState> blocks);

}  // namespace moesim
