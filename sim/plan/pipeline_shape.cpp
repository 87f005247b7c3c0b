#include "plan/pipeline_shape.hpp"

namespace moesim {

int PipelineShape::slice(const Seat& seat) const {
  switch (order) {
    case SliceOrder::looping:
      return seat.chunk * stages + seat.stage;
    case SliceOrder::folded:
      return seat.chunk == 0 ? seat.stage : slices - 1 - seat.stage;
    case SliceOrder::two_way:
      return seat.chunk == 0 ? seat.stage : stages - 1 - seat.stage;
  }
  return 0;
}

Seat PipelineShape::seat(int slice, int way) const {
  switch (order) {
    case SliceOrder::looping:
      return {slice % stages, slice / stages};
    case SliceOrder::folded:
      return slice < stages ? Seat{slice, 0} : Seat{slices - 1 - slice, 1};
    case SliceOrder::two_way:
      return way == 0 ? Seat{slice, 0} : Seat{stages - 1 - slice, 1};
  }
  return {};
}

PipelineShape pipeline_shape(const Plan& plan) {
  PipelineShape shape;
  shape.order = traits(plan.schedule).order;
  shape.stages = plan.pp;
  shape.chunks = shape.order == SliceOrder::looping ? plan.vpp : 2;
  shape.slices = plan.pp * shape.chunks / shape.copies();
  return shape;
}

}  // namespace moesim
