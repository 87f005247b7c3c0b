#include "wafer/context.hpp"

namespace moesim {

WaferContext::WaferContext(const WaferStepInput& step_input)
    : input(step_input),
      model(step_input.model),
      system(with_faults(step_input.system, step_input.faults)),
      plan(derive_wafer_plan(model, system, step_input.plan, step_input.batch)),
      chosen(choose_wafers(system, step_input.faults, plan.simulated, step_input.seed)),
      fabric(build_wafer_fabric(system, chosen.wafers, step_input.faults)),
      recompute(step_input.plan.recompute == Recompute::full) {}

Shard WaferContext::shard(int sequences) const {
  Shard out;
  out.sequences = sequences;
  out.sequence_length = input.batch.sequence_length;
  out.local_experts = model.experts;
  return out;
}

}  // namespace moesim
