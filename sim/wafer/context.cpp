#include "wafer/context.hpp"

#include <algorithm>

namespace moesim {

WaferContext::WaferContext(const WaferStepInput& step_input)
    : input(step_input),
      model(step_input.model),
      system(with_faults(step_input.system, step_input.faults)),
      plan(derive_wafer_plan(model, system, step_input.plan, step_input.batch)),
      chosen(choose_wafers(system, step_input.faults, plan.simulated, step_input.seed)),
      fabric(build_wafer_fabric(system, chosen.wafers, step_input.faults)),
      recompute(step_input.plan.recompute == Recompute::full) {}

double WaferContext::weight_bytes(double dense, double masked) const {
  const double wire = system.memoryx.weight_wire_bytes;
  const double listed = density() * (wire + system.memoryx.index_wire_bytes);
  return dense * wire + masked * std::min(wire, listed);
}

double WaferContext::gradient_bytes(double dense, double masked) const {
  const double wire = system.memoryx.gradient_wire_bytes;
  if (!input.plan.sparse_gradients) return (dense + masked) * wire;
  const double listed = density() * (wire + system.memoryx.index_wire_bytes);
  return dense * wire + masked * std::min(wire, listed);
}

double WaferContext::updated_elements(double dense, double masked) const {
  return dense + masked * (input.plan.sparse_gradients ? density() : 1);
}

Shard WaferContext::shard(int sequences) const {
  Shard out;
  out.sequences = sequences;
  out.sequence_length = input.batch.sequence_length;
  out.local_experts = model.experts;
  return out;
}

}  // namespace moesim
