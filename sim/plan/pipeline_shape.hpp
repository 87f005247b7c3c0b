// Which slices of the model a pipeline stage holds. The layers are cut into slices; a microbatch
// passes all slices in order, each on one stage. A stage holds one slice or several (its chunks).
#pragma once

#include "plan/plan.hpp"

namespace moesim {

struct Seat {
  int stage = 0;
  int chunk = 0;
  bool operator==(const Seat&) const = default;
};

struct PipelineShape {
  SliceOrder order = SliceOrder::looping;
  int stages = 1;
  int chunks = 1;  // per stage
  int slices = 1;

  // Copies of each parameter within one pipeline.
  int copies() const { return order == SliceOrder::two_way ? 2 : 1; }
  int slice(const Seat& seat) const;
  // Who works on `slice` of a microbatch. `way`: 0, or 1 for the microbatches that enter at the
  // last stage.
  Seat seat(int slice, int way = 0) const;
  int way_of_chunk(int chunk) const { return order == SliceOrder::two_way ? chunk : 0; }
};

PipelineShape pipeline_shape(const Plan& plan);

}  // namespace moesim
