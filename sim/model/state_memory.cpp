// Parameters, gradients and optimizer state of one rank.
#include "model/kernel_builders.hpp"
#include "model/memory.hpp"
#include "model/parameters.hpp"

namespace moesim {
namespace {

// `matrices`: of the parameters, those of a layer's GEMMs.
StateBytes state_of(double parameters, double matrices, double replicas,
                    const StateSharding& sharding) {
  const auto shard_from = [&](int stage) { return sharding.zero_stage >= stage ? replicas : 1.0; };
  const double weights = parameters * sharding.parameter_bytes + matrices * sharding.matrix_bytes;
  return {weights / shard_from(3), parameters * sharding.gradient_bytes / shard_from(2),
          parameters * (fp32_bytes + sharding.moments * sharding.moment_bytes) / shard_from(1)};
}

RankParameters held_parameters(const ModelShape& shape, int layer, const StateSharding& sharding) {
  RankParameters held =
      rank_parameters(layer_parameters(shape, layer), sharding.tp, sharding.ep, sharding.etp);
  if (layer >= shape.layers) held.dense += mtp_extra_parameters(shape) / sharding.tp;
  held.expert *= sharding.slots_per_expert;
  return held;
}

}  // namespace

StateBytes& StateBytes::operator+=(const StateBytes& other) {
  parameters += other.parameters;
  gradients += other.gradients;
  optimizer += other.optimizer;
  return *this;
}

StateBytes layer_state_bytes(const ModelShape& shape, int layer, const StateSharding& sharding) {
  const RankParameters held = held_parameters(shape, layer, sharding);
  const LayerParameters parts = layer_parameters(shape, layer);
  StateBytes bytes =
      state_of(held.dense, held.dense - parts.router - parts.norms, sharding.dp, sharding);
  bytes += state_of(held.expert, held.expert, sharding.edp, sharding);
  return bytes;
}

StateBytes embedding_state_bytes(const ModelShape& shape, const StateSharding& sharding) {
  return state_of(embedding_parameters(shape) / sharding.tp, 0, sharding.dp, sharding);
}

StateBytes output_state_bytes(const ModelShape& shape, const StateSharding& sharding) {
  const double norm = shape.hidden, logits = output_parameters(shape) - norm;
  return state_of(norm + logits / sharding.tp, 0, sharding.dp, sharding);
}

double layer_rank_parameters(const ModelShape& shape, int layer, const StateSharding& sharding) {
  const RankParameters held = held_parameters(shape, layer, sharding);
  return held.dense + held.expert;
}

}  // namespace moesim
