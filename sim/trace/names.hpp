// Names and arguments of slices, as JSON text.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "graph/program.hpp"

namespace moesim {

class TraceNames {
 public:
  explicit TraceNames(const Program& program);

  // "L12 attention backward". Layers are named where the block has layers and the operation belongs
  // to one. Valid until the next call of name or args.
  std::string_view name(const Block& block, Stream stream, Phase phase, uint8_t op, uint16_t layer);
  // "forward mb3", with the model chunk where stages have several.
  std::string_view phase_name(const Block& block, Phase phase);
  // "microbatch":3,"phase":"forward"
  std::string_view args(const Block& block, Phase phase);

  // False for blocks that work on no microbatch, such as the optimizer's.
  bool layered(const Block& block) const { return layered_[block.graph]; }
  // Where a block overlaps two, the forward is on lane 0 and everything else on lane 1.
  int lane(const Block& block, Phase phase) const {
    return overlapped_[block.graph] && phase != Phase::forward && phase != Phase::parameter_gather
               ? 1
               : 0;
  }

 private:
  struct OpName {
    std::string text;
    bool of_layer = true;
    bool says_backward = false;
  };
  std::vector<OpName> ops_;
  std::vector<bool> layered_, overlapped_;  // per template
  bool chunks_ = false;
  fmt::memory_buffer name_, args_;
};

}  // namespace moesim
