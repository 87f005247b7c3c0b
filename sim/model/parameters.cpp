#include "model/parameters.hpp"

#include "model/mixer_projections.hpp"

namespace moesim {
namespace {

double ffn_matrices(const ModelShape& shape) { return shape.gated_ffn ? 3 : 2; }

void add_mixer(const ModelShape& shape, Mixer mixer, LayerParameters& layer) {
  const MixerProjections parts = mixer_projections(shape, mixer);
  for (const auto* side : {&parts.before, &parts.after})
    for (const Projection& matrix : *side)
      (matrix.sharded ? layer.attention : layer.attention_replicated) += matrix.weights();
  layer.attention += parts.biases;
  layer.norms += parts.norms;
}

// Hyper-connections: a matrix that reads weights for mixing from all streams, its bias and three
// scales (transformers, deepseek_v4).
double stream_mixing(const ModelShape& shape, double out) {
  const double streams = shape.residual_streams;
  return streams > 1 ? out * streams * shape.hidden + out : 0;
}

// The streams are mixed into one before the logits.
double stream_head(const ModelShape& shape) {
  return shape.residual_streams > 1 ? stream_mixing(shape, shape.residual_streams) + 1 : 0;
}

}  // namespace

double mixing_weights(const ModelShape& shape) {
  const double streams = shape.residual_streams;
  return streams > 1 ? (2 + streams) * streams : 0;
}

LayerParameters layer_parameters(const ModelShape& shape, int layer_index) {
  LayerParameters layer;
  const double hidden = shape.hidden;
  const Mixer mixer = mixer_of(shape, layer_index);
  const Ffn ffn = ffn_of(shape, layer_index);
  const double sublayers = (mixer != Mixer::none) + (ffn != Ffn::none);
  layer.norms = sublayers * hidden;
  if (shape.residual_streams > 1)
    layer.norms += sublayers * (stream_mixing(shape, mixing_weights(shape)) + 3);
  add_mixer(shape, mixer, layer);
  if (ffn == Ffn::none) return layer;
  if (!has_experts(shape, layer_index)) {
    layer.dense_ffn = ffn_matrices(shape) * hidden * shape.dense_ffn;
    return layer;
  }
  layer.router = hidden * (shape.experts + shape.zero_experts) + 2 * hidden * shape.moe_latent;
  const double width = expert_width(shape);
  const double expert_bias =
      shape.expert_bias ? (ffn_matrices(shape) - 1) * shape.moe_ffn + width : 0;
  layer.experts = shape.experts * (ffn_matrices(shape) * width * shape.moe_ffn + expert_bias);
  layer.shared = ffn_matrices(shape) * hidden * shape.shared_ffn + (shape.shared_gate ? hidden : 0);
  return layer;
}

double embedding_parameters(const ModelShape& shape) {
  return static_cast<double>(shape.vocab) * shape.hidden;
}

double output_parameters(const ModelShape& shape) {
  return shape.hidden + stream_head(shape) +
         (shape.tied_embeddings ? 0 : embedding_parameters(shape));
}

double mtp_extra_parameters(const ModelShape& shape) {
  const double hidden = shape.hidden;
  return 3 * hidden + 2 * hidden * hidden + stream_head(shape);
}

double total_parameters(const ModelShape& shape) {
  double sum = embedding_parameters(shape) + output_parameters(shape);
  for (int layer = 0; layer < shape.layers; ++layer) sum += layer_parameters(shape, layer).total();
  return sum;
}

double active_parameters(const ModelShape& shape) {
  double sum = embedding_parameters(shape) + output_parameters(shape);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const LayerParameters parts = layer_parameters(shape, layer);
    const double used = shape.experts > 0 ? static_cast<double>(shape.top_k) / shape.experts : 0;
    sum += parts.total() - parts.experts * (1 - used);
  }
  return sum;
}

RankParameters rank_parameters(const LayerParameters& layer, int tp, int ep, int etp) {
  const double sharded = layer.attention + layer.dense_ffn + layer.shared;
  return {sharded / tp + layer.attention_replicated + layer.router + layer.norms,
          layer.experts / (ep * etp)};
}

}  // namespace moesim
