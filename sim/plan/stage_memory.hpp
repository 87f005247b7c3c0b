// Memory of the fullest rank of each pipeline stage at its fullest moment: lasting state, buffers
// of the framework, and what the microbatches in flight have saved.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/memory.hpp"
#include "plan/mapping.hpp"
#include "plan/partition.hpp"
#include "plan/schedule.hpp"

namespace moesim {

// `count` tensors of one kind, all layers and microbatches of a stage together.
struct HeldBytes {
  std::string name;
  double bytes = 0;
  int count = 1;
};

// Bytes of activations that a stage holds from the start of an operation of its schedule, `saved`
// by microbatches in flight, and at its fullest moment.
struct OperationMemory {
  PipelineOp op;
  double saved = 0, peak = 0;
};

struct StageMemoryNeed {
  StateBytes state;
  double buffers_bytes = 0;      // of the framework, for the whole step
  double activations_bytes = 0;  // at the fullest moment, with what the layer at work needs
  double total() const { return state.total() + buffers_bytes + activations_bytes; }
  // The fullest moment: what is at work, in which operation.
  std::string moment;
  PipelineOp op;
  std::vector<HeldBytes> held;  // then, largest first
  std::vector<OperationMemory> operations;
};

// `overload`: per stage, rows that its fullest expert-parallel rank gets over all layers of the
// stage, over the mean.
std::vector<StageMemoryNeed> stage_memory(const ModelShape& shape, const Plan& plan,
                                          const Mapping& mapping, const Shard& shard,
                                          const std::vector<ChunkContent>& chunks,
                                          std::span<const double> overload);

}  // namespace moesim
