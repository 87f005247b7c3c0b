// Model FLOPs as Megatron-LM and Megatron-Bridge report them (num_floating_point_operations;
// Megatron-Bridge src/megatron/bridge/training/utils/flop_utils.py), so that published TFLOPS per
// GPU compare.
#include <algorithm>

#include "model/layer_ops.hpp"
#include "model/mixer_ops.hpp"
#include "model/mixer_projections.hpp"
#include "model/parameters.hpp"

namespace moesim {
namespace {

// Multiply-adds of the linear recurrences, per token. The delta rule reads the state, corrects it,
// and reads it for the query (linear_scan_flops); lightning attention updates and reads it. Mamba:
// seven FLOPs per element of its state (Megatron-LM, mamba_layer_flops).
double recurrence_macs(const ModelShape& shape, Mixer mixer) {
  const double convolution = convolution_taps(shape, mixer) * convolution_width(shape, mixer);
  if (mixer == Mixer::mamba)
    return convolution + 3.5 * static_cast<double>(shape.mamba_inner) * shape.mamba_state;
  if (mixer != Mixer::linear) return convolution;
  if (shape.linear_kind != LinearKind::lightning) return convolution + linear_scan_flops(shape) / 2;
  return 2.0 * shape.linear_value_heads * shape.linear_head_dim * shape.linear_head_dim;
}

// Models with compressed attention are counted as the one published counter does (torchtitan,
// deepseek_v4 get_nparams_and_flops: six times the active parameters): routers too, and windows and
// compressed keys in full.
bool counts_parameters(const ModelShape& shape) { return shape.compression > 0; }

// Keys that a query of this layer multiplies with, and keys that its indexer scores, under
// the causal mask; compressed keys and their windows in full.
struct MeanKeys {
  double attended = 0, scored = 0;
};

MeanKeys mean_keys(const ModelShape& shape, Mixer mixer, int64_t sequence_length) {
  const double length = static_cast<double>(sequence_length);
  const auto within = [&](int window) {
    if (counts_parameters(shape)) return std::min<double>(length, window);
    return attended_keys(sequence_length, window) / length;
  };
  switch (mixer) {
    case Mixer::window:
      return {within(shape.sliding_window), 0};
    case Mixer::sparse:
      return {within(shape.index_topk), within(0)};
    case Mixer::compressed_sparse: {
      const double entries = std::floor(length / shape.compression);
      return {within(shape.sliding_window) + std::min<double>(entries, shape.index_topk), entries};
    }
    case Mixer::heavily_compressed:
      return {within(shape.sliding_window) + std::floor(length / shape.heavy_compression), 0};
    default:
      return {within(0), 0};
  }
}

double mixer_macs(const ModelShape& shape, Mixer mixer, int64_t sequence_length) {
  const double projections = mixer_projections(shape, mixer).weights();
  if (!is_attention(mixer)) return projections + recurrence_macs(shape, mixer);
  const MeanKeys keys = mean_keys(shape, mixer, sequence_length);
  const CoreWidths widths = core_widths(shape, mixer);
  // The norms of MLA's latents are counted as one multiply-add an element, as the original does.
  const double norms =
      shape.attention == AttentionKind::mla ? shape.q_lora_rank + shape.kv_lora_rank : 0;
  return projections + norms +
         keys.attended * attention_heads(shape, mixer).query * (widths.qk + widths.v) +
         keys.scored * shape.index_heads * shape.index_dim;
}

// Hyper-connections around `sublayers` of a layer.
double stream_macs(const ModelShape& shape, double sublayers) {
  return sublayers * mixing_weights(shape) * shape.residual_streams * shape.hidden;
}

double ffn_macs(const ModelShape& shape, int layer) {
  const double per_width = (shape.gated_ffn ? 3.0 : 2.0) * shape.hidden;
  const Ffn ffn = ffn_of(shape, layer);
  if (ffn == Ffn::none) return 0;
  if (ffn == Ffn::dense) return per_width * shape.dense_ffn;
  const double routed = static_cast<double>(shape.top_k) * shape.moe_ffn;
  const double matrices = shape.gated_ffn ? 3.0 : 2.0;
  const double latent = 2.0 * shape.hidden * shape.moe_latent;
  const double router =
      counts_parameters(shape) ? static_cast<double>(shape.hidden) * shape.experts : 0;
  return matrices * expert_width(shape) * routed + per_width * shape.shared_ffn + latent + router;
}

}  // namespace

double attended_keys(int64_t sequence_length, int window) {
  const double length = static_cast<double>(sequence_length), band = window;
  if (window == 0 || band >= length) return length * length / 2;
  return band * length - band * (band - 1) / 2;
}

double layer_macs(const ModelShape& shape, int layer, int64_t sequence_length) {
  const Mixer mixer = mixer_of(shape, layer);
  const double sublayers = (mixer != Mixer::none) + (ffn_of(shape, layer) != Ffn::none);
  const double mixing = mixer == Mixer::none ? 0 : mixer_macs(shape, mixer, sequence_length);
  return mixing + ffn_macs(shape, layer) + stream_macs(shape, sublayers);
}

double model_flops(const ModelShape& shape, int64_t sequences, int64_t sequence_length) {
  const double hidden = shape.hidden;
  double macs_per_token = 0;
  for (int layer = 0; layer < shape.layers + shape.mtp_layers; ++layer) {
    macs_per_token += layer_macs(shape, layer, sequence_length);
  }
  // Multi-token prediction: three norms counted as one multiply-add an element, and the projection
  // of the pair.
  // Every residual stream of the main model enters it.
  macs_per_token +=
      shape.mtp_layers * (3 * hidden + (1.0 + shape.residual_streams) * hidden * hidden);
  macs_per_token += (1 + shape.mtp_layers) * hidden * shape.vocab;
  // Two FLOPs a multiply-add; the backward pass does twice the work of the forward pass.
  return 3 * 2 * macs_per_token * static_cast<double>(sequences) *
         static_cast<double>(sequence_length);
}

}  // namespace moesim
