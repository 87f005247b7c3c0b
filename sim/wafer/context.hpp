// The facts that all parts of the lowering of a weight-streaming step share, derived once from the
// scenario.
#pragma once

#include <cstdint>

#include "lower/step_context.hpp"
#include "wafer/fabric.hpp"
#include "wafer/faulty_wafers.hpp"
#include "wafer/plan.hpp"

namespace moesim {

struct WaferStepInput {
  ModelShape model;
  WaferSystem system;
  Plan plan;
  RoutingSpec routing;
  Batch batch;
  uint64_t seed = 1;
  FaultSpec faults;
};

struct WaferContext {
  // Plans with attention_tiles = 0 (auto) are to be settled before: see run/wafer_program.hpp.
  explicit WaferContext(const WaferStepInput& step_input);

  const WaferStepInput& input;
  const ModelShape& model;
  WaferSystem system;  // as its faults leave it
  WaferPlan plan;
  ChosenWafers chosen;  // the simulated ones
  WaferFabric fabric;
  bool recompute = false;

  // Returns a wafer's share of these sequences.
  Shard shard(int sequences) const;
  // Returns the bytes on the wire of weights, or of gradients, `masked` of which may be zero
  // (plan.weight_sparsity): zeros left out and an index beside the others, or zeros sent, whichever
  // is less.
  double weight_bytes(double dense, double masked) const;
  double gradient_bytes(double dense, double masked) const;
  // Returns how many of these elements have gradients and optimizer state.
  double updated_elements(double dense, double masked) const;
  double density() const { return 1 - input.plan.weight_sparsity; }
  int layers() const { return model.layers + model.mtp_layers; }
  uint32_t ranks() const {
    return static_cast<uint32_t>(fabric.wafers) + 2;
  }  // wafers, MemoryX, SwarmX
};

}  // namespace moesim
