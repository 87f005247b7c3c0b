#include "lower/op_emitter.hpp"

#include <utility>

namespace moesim {

Kernels OpEmitter::of_passes(const std::function<Kernels(Pass)>& ops, Phase phase) const {
  if (phase == Phase::weight_gradient) return ops(Pass::backward_weight);
  if (phase != Phase::backward) return ops(Pass::forward);
  Kernels kernels = ops(Pass::backward_data);
  if (weights_ == WeightGradients::with_data) append(kernels, ops(Pass::backward_weight));
  return kernels;
}

Kernels OpEmitter::of(OpsOf ops, Phase phase) const {
  return of_passes([&](Pass pass) { return ops(context_.model, context_.shard, pass); }, phase);
}

void OpEmitter::delay(std::function<void()> weight_gradients) {
  if (weights_ == WeightGradients::beside_communication)
    delayed_.push_back(std::move(weight_gradients));
}

void OpEmitter::delay_weights_of(OpsOf ops, int local) {
  delay([=, this] { compute(ops, local, Phase::weight_gradient); });
}

void OpEmitter::flush_weight_gradients() {
  for (const auto& gradients : std::exchange(delayed_, {})) gradients();
}

Transfer OpEmitter::equal_collective(CollectiveKind kind, const std::vector<int>& group,
                                     double bytes) const {
  return collective(kind, CollectiveAlgorithm::automatic,
                    {context_.fabric, context_.pod, first_rank_, group}, bytes);
}

void OpEmitter::tensor_collective(CollectiveKind kind, const char* op, int local, Phase phase) {
  const double bytes = context_.shard.gemm_tokens() * context_.model.hidden * 2;
  builder_.collective(
      {Stream::tp, op, local, phase}, context_.tensor,
      [&](const std::vector<int>& group) { return equal_collective(kind, group, bytes); });
}

void OpEmitter::compute_gathering(const std::function<Kernels(Pass)>& ops, int local) {
  const bool gathers = context_.shard.sequence_parallel && context_.plan.tp > 1 &&
                       context_.plan.software.gathers_input_again &&
                       weights_ == WeightGradients::with_data;
  if (!gathers) return builder_.compute(of_passes(ops, Phase::backward), local, Phase::backward);
  const double bytes = context_.shard.gemm_tokens() * context_.model.hidden * 2;
  const std::vector<TaskId> arrival = builder_.background_collective(
      {Stream::tp, "tp all-gather", local, Phase::backward}, context_.tensor,
      [&](const std::vector<int>& group) {
        return equal_collective(CollectiveKind::all_gather, group, bytes);
      });
  builder_.compute(ops(Pass::backward_data), local, Phase::backward);
  builder_.wait_for(arrival);
  builder_.compute(ops(Pass::backward_weight), local, Phase::backward);
}

// Sequence parallelism gathers tokens before a tensor-parallel region and scatters its partial sums
// after it; without it only the sums travel (Korthikanti et al., arXiv:2205.05198). Backward is the
// mirror image with the same volumes.
void OpEmitter::enter_tensor_region(int local, Phase phase) {
  if (context_.shard.sequence_parallel)
    tensor_collective(CollectiveKind::all_gather, "tp all-gather", local, phase);
}

void OpEmitter::leave_tensor_region(int local, Phase phase) {
  if (context_.plan.tp == 1) return;
  if (context_.shard.sequence_parallel)
    tensor_collective(CollectiveKind::reduce_scatter, "tp reduce-scatter", local, phase);
  else
    tensor_collective(CollectiveKind::all_reduce, "tp all-reduce", local, phase);
}

}  // namespace moesim
