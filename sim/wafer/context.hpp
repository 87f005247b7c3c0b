// What every part of the lowering of a weight-streaming step needs to know, derived once from the
// scenario.
#pragma once

#include <cstdint>

#include "lower/step_context.hpp"
#include "wafer/fabric.hpp"
#include "wafer/plan.hpp"

namespace moesim {

struct WaferStepInput {
  ModelShape model;
  WaferSystem system;
  Plan plan;
  RoutingSpec routing;
  Batch batch;
  uint64_t seed = 1;
};

struct WaferContext {
  // Plans with attention_tiles = 0 (auto) are to be settled before: see run/wafer_program.hpp.
  explicit WaferContext(const WaferStepInput& step_input);

  const WaferStepInput& input;
  const ModelShape& model;
  const WaferSystem& system;
  WaferPlan plan;
  WaferFabric fabric;
  bool recompute = false;

  // A wafer's share of so many sequences.
  Shard shard(int sequences) const;
  int layers() const { return model.layers + model.mtp_layers; }
  uint32_t ranks() const {
    return static_cast<uint32_t>(fabric.wafers) + 2;
  }  // wafers, MemoryX, SwarmX
};

}  // namespace moesim
