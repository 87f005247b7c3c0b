// A program with what it was lowered from.
#pragma once

#include <memory>
#include <utility>

#include "graph/program.hpp"

namespace moesim {

// It cannot move: context points into input, work into context.
template <class Input, class Context, class Work>
struct Lowered {
  explicit Lowered(Input step_input) : input(std::move(step_input)), context(input) {}
  Lowered(const Lowered&) = delete;
  Lowered& operator=(const Lowered&) = delete;

  Input input;
  Context context;
  Program program;
  std::unique_ptr<Work> work;
};

}  // namespace moesim
