// A block told as the names of its operators.
#pragma once

#include <algorithm>
#include <string>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

namespace moesim {

// The operators of rank 0's compute tasks and of all transfers, in the order of emission; those of
// the second lane are marked.
inline std::string story(const LoweredStep& step, BlockKind kind) {
  const auto block = std::find_if(step.program.blocks.begin(), step.program.blocks.end(),
                                  [&](const Block& b) { return b.kind == kind; });
  REQUIRE(block != step.program.blocks.end());
  std::string text;
  for (const Task& task : step.program.templates[block->graph].tasks) {
    const std::string mark = task.lane == 1 ? "*" : "";
    if (task.kind == TaskKind::transfer && task.stream == Stream::ep)
      text += mark + step.program.op_names[task.op] + "; ";
    else if (task.kind == TaskKind::compute && task.rank == 0)
      for (const ChainPart& part : step.program.chains[task.payload].parts)
        if (const std::string& op = step.program.op_names[part.op];
            op == "attention" || op == "expert_fc1" || op == "logits")
          text += mark + op + "; ";
  }
  return text;
}

inline Plan experts_over(int ep) {
  Plan plan;
  plan.ep = ep;
  return plan;
}

}  // namespace moesim
