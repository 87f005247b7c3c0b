// Memory of the fullest rank of each pipeline stage: lasting state, and what the microbatches in flight have saved.
#pragma once

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

// `overload`: rows of the fullest expert-parallel rank over the mean rank.
std::vector<StageMemoryNeed> stage_memory(const ModelShape& shape, const Plan& plan, const Mapping& mapping,
                                          const Shard& shard, const std::vector<ChunkContent>& chunks, double overload);

}  // namespace moesim
