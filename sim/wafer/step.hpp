// A training step of a wafer system as a program. Per microbatch: embedding, layers forward, loss,
// layers backward, embedding; each a block. Weights stream in layer by layer while earlier layers
// compute, gradients leave while later ones do; with the last microbatch MemoryX updates each
// layer's weights as its gradients arrive.
//
// A step ends when the last weights, those that the next step needs first, are updated, and the
// step latency is over. MemoryX works in order of arrival, so nothing that the next step needs is
// updated later, and nothing of it could have begun earlier: the simulated step is the period of a
// training run.
#pragma once

#include <memory>

#include "lower/lowered.hpp"
#include "wafer/work.hpp"

namespace moesim {

struct LoweredWaferStep : Lowered<WaferStepInput, WaferContext, WaferWork> {
  using Lowered::Lowered;
  std::vector<WaferTasks> tasks;  // by template; the last, the end of the step, has none
};

std::unique_ptr<LoweredWaferStep> lower_wafer_step(WaferStepInput input);

}  // namespace moesim
