// Parameters, gradients and optimizer state of one rank.
#include "model/kernel_builders.hpp"
#include "model/memory.hpp"
#include "model/parameters.hpp"

namespace moesim {
namespace {

constexpr double parameter_bytes = bf16_bytes;

StateBytes state_of(double parameters, double replicas, const StateSharding& sharding) {
  const auto shard_from = [&](int stage) { return sharding.zero_stage >= stage ? replicas : 1.0; };
  return {parameters * parameter_bytes / shard_from(3),
          parameters * sharding.gradient_bytes / shard_from(2),
          parameters * (fp32_bytes + 2 * sharding.moment_bytes) / shard_from(1)};
}

}  // namespace

StateBytes& StateBytes::operator+=(const StateBytes& other) {
  parameters += other.parameters;
  gradients += other.gradients;
  optimizer += other.optimizer;
  return *this;
}

StateBytes layer_state_bytes(const ModelShape& shape, int layer, const StateSharding& sharding) {
  const RankParameters held =
      rank_parameters(layer_parameters(shape, layer), sharding.tp, sharding.ep, sharding.etp);
  const double beyond = layer >= shape.layers ? mtp_extra_parameters(shape) / sharding.tp : 0;
  StateBytes bytes = state_of(held.dense + beyond, sharding.dp, sharding);
  bytes += state_of(held.expert * sharding.slots_per_expert, sharding.edp, sharding);
  return bytes;
}

StateBytes embedding_state_bytes(const ModelShape& shape, const StateSharding& sharding) {
  return state_of(embedding_parameters(shape) / sharding.tp, sharding.dp, sharding);
}

StateBytes output_state_bytes(const ModelShape& shape, const StateSharding& sharding) {
  const double norm = shape.hidden, logits = output_parameters(shape) - norm;
  return state_of(norm + logits / sharding.tp, sharding.dp, sharding);
}

}  // namespace moesim
