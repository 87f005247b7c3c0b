// A training step as a program: forward and backward blocks in the order of the pipeline schedule,
// the transfers between stages, gradient reduction and optimizer.
#pragma once

#include <memory>

#include "lower/lowered.hpp"
#include "lower/routed_work.hpp"
#include "lower/step_context.hpp"

namespace moesim {

using LoweredStep = Lowered<StepInput, StepContext, RoutedWork>;

std::unique_ptr<LoweredStep> lower_step(StepInput input);

}  // namespace moesim
