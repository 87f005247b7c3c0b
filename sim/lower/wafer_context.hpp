// What every part of the lowering of a weight-streaming step needs to know, derived once from the scenario.
#pragma once

#include <cstdint>

#include "cluster/wafer_fabric.hpp"
#include "lower/step_context.hpp"
#include "plan/wafer_plan.hpp"

namespace moesim {

struct WaferContext {
  // Plans with attention_tiles = 0 (auto) are to be settled before: see study/run_wafer_step.hpp.
  explicit WaferContext(const StepInput& step_input);

  const StepInput& input;
  const ModelShape& model;
  const WaferSystem& system;
  WaferPlan plan;
  WaferFabric fabric;
  bool recompute = false;

  // A wafer's share of so many sequences.
  Shard shard(int sequences) const;
  int layers() const { return model.layers + model.mtp_layers; }
  uint32_t ranks() const { return static_cast<uint32_t>(fabric.wafers) + 2; }  // wafers, MemoryX, SwarmX
};

}  // namespace moesim
