#include "plan/pipeline_shape.hpp"

namespace moesim {

int PipelineShape::slice(const Seat& seat) const {
  switch (order) {
    case Order::looping:
      return seat.chunk * stages + seat.stage;
    case Order::folded:
      return seat.chunk == 0 ? seat.stage : slices - 1 - seat.stage;
    case Order::two_way:
      return seat.chunk == 0 ? seat.stage : stages - 1 - seat.stage;
  }
  return 0;
}

Seat PipelineShape::seat(int slice, int way) const {
  switch (order) {
    case Order::looping:
      return {slice % stages, slice / stages};
    case Order::folded:
      return slice < stages ? Seat{slice, 0} : Seat{slices - 1 - slice, 1};
    case Order::two_way:
      return way == 0 ? Seat{slice, 0} : Seat{stages - 1 - slice, 1};
  }
  return {};
}

PipelineShape pipeline_shape(const Plan& plan) {
  PipelineShape shape;
  shape.stages = plan.pp;
  shape.chunks = plan.vpp;
  shape.slices = plan.pp * plan.vpp;
  if (plan.schedule == ScheduleKind::dualpipe) {
    shape.order = PipelineShape::Order::two_way;
    shape.chunks = 2;
    shape.slices = plan.pp;
  } else if (plan.schedule == ScheduleKind::dualpipev) {
    shape.order = PipelineShape::Order::folded;
    shape.chunks = 2;
    shape.slices = 2 * plan.pp;
  }
  return shape;
}

}  // namespace moesim
