// How a step's sequences are dealt over wafers, microbatches and attention tiles.
#pragma once

#include <vector>

#include "wafer/memory.hpp"

namespace moesim {

struct WaferPlan {
  int systems = 0;
  int simulated = 0;        // wafers, at least
  int attention_batch = 0;  // sequences per tile
  int attention_tiles = 1;
  std::vector<int> microbatches;  // sequences of each, on a wafer that has most of them
  int global_batch = 0;           // sequences of a step
  bool spill = false;
  bool again = false;  // attention runs once more in its backward, tile by tile
  WaferMemory memory;  // of the microbatch that takes most
};

// With plan.attention_tiles = 0 (auto) one tile is taken; wafer_tile_choices are what to try. A
// batch that fits in no way is planned as asked: the report says what does not fit.
WaferPlan derive_wafer_plan(const ModelShape& model, const WaferSystem& system, const Plan& plan,
                            const Batch& batch);

// Powers of two, from 1 on, that fit and do not exceed the batch; at least 1.
std::vector<int> wafer_tile_choices(const ModelShape& model, const WaferSystem& system,
                                    const Plan& plan, const Batch& batch);

// `total` in `parts` parts that differ by one at most, larger ones first.
std::vector<int> even_parts(int total, int parts);

}  // namespace moesim
