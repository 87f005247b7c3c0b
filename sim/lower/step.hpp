// A training step as a program: forward and backward blocks in the order of the pipeline schedule,
// the transfers between stages, gradient reduction and optimizer.
#pragma once

#include <memory>

#include "graph/program.hpp"
#include "lower/routed_work.hpp"
#include "lower/step_context.hpp"

namespace moesim {

// A program with what it was lowered from. It cannot move: context points into input, work into
// context.
struct LoweredStep {
  explicit LoweredStep(StepInput step_input) : input(std::move(step_input)), context(input) {}
  LoweredStep(const LoweredStep&) = delete;
  LoweredStep& operator=(const LoweredStep&) = delete;

  StepInput input;
  StepContext context;
  Program program;
  std::unique_ptr<RoutedWork> work;
};

std::unique_ptr<LoweredStep> lower_step(StepInput input);

}  // namespace moesim
