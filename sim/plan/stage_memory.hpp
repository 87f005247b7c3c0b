// Memory of the fullest rank of each pipeline stage: lasting state, and what the microbatches in
// flight have saved.
#pragma once

#include <span>
#include <vector>

#include "model/memory.hpp"
#include "plan/mapping.hpp"
#include "plan/partition.hpp"
#include "plan/schedule.hpp"

namespace moesim {

struct StageMemoryNeed {
  StateBytes state;
  double activations_bytes = 0;  // largest over the schedule, with the workspace of one layer
};

// `overload`: per stage, rows that its fullest expert-parallel rank gets over all layers of the
// stage, over the mean.
std::vector<StageMemoryNeed> stage_memory(const ModelShape& shape, const Plan& plan,
                                          const Mapping& mapping, const Shard& shard,
                                          const std::vector<ChunkContent>& chunks,
                                          std::span<const double> overload);

}  // namespace moesim
