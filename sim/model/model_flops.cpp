// Model FLOPs as Megatron-LM and Megatron-Bridge report them (num_floating_point_operations;
// Megatron-Bridge src/megatron/bridge/training/utils/flop_utils.py), so that published TFLOPS per
// GPU compare.
#include "model/layer_ops.hpp"

namespace moesim {
namespace {

// Multiply-adds per token of one layer's attention, forward.
double gqa_macs(const ModelShape& shape, double mean_keys) {
  const double query_width = static_cast<double>(shape.heads) * shape.head_dim;
  const double key_value_width = 2.0 * shape.kv_heads * shape.head_dim;
  const double gate_width = shape.attention_gate ? query_width : 0;
  return shape.hidden * (2 * query_width + key_value_width + gate_width) +
         2 * query_width * mean_keys;
}

// The norms of the latents are counted as one multiply-add an element, as the original does.
double mla_macs(const ModelShape& shape, double mean_keys) {
  const double hidden = shape.hidden, heads = shape.heads,
               qk_dim = shape.qk_nope_dim + shape.qk_rope_dim;
  const double query = shape.q_lora_rank > 0 ? shape.q_lora_rank * (hidden + heads * qk_dim + 1)
                                             : hidden * heads * qk_dim;
  const double key_value =
      shape.kv_lora_rank * (hidden + heads * (shape.qk_nope_dim + shape.v_dim) + 1) +
      hidden * shape.qk_rope_dim;
  return query + key_value + heads * shape.v_dim * hidden +
         mean_keys * heads * (qk_dim + shape.v_dim);
}

double linear_attention_macs(const ModelShape& shape) {
  const double key_width = static_cast<double>(shape.linear_key_heads) * shape.linear_head_dim;
  const double value_width = static_cast<double>(shape.linear_value_heads) * shape.linear_head_dim;
  const double projections =
      shape.hidden * (2 * key_width + 2 * value_width + 2 * shape.linear_value_heads) +
      shape.hidden * value_width;
  return projections + (linear_convolution_flops(shape) + linear_scan_flops(shape)) / 2;
}

double attention_macs(const ModelShape& shape, int layer, int64_t sequence_length) {
  if (is_linear_attention(shape, layer)) return linear_attention_macs(shape);
  const double mean_keys = attended_keys(sequence_length, attention_window(shape, layer)) /
                           static_cast<double>(sequence_length);
  return shape.attention == AttentionKind::mla ? mla_macs(shape, mean_keys)
                                               : gqa_macs(shape, mean_keys);
}

double ffn_macs(const ModelShape& shape, int layer) {
  const double per_width = (shape.gated_ffn ? 3.0 : 2.0) * shape.hidden;
  if (!has_experts(shape, layer)) return per_width * shape.dense_ffn;
  return per_width * (static_cast<double>(shape.top_k) * shape.moe_ffn + shape.shared_ffn);
}

}  // namespace

double attended_keys(int64_t sequence_length, int window) {
  const double length = static_cast<double>(sequence_length), band = window;
  if (window == 0 || band >= length) return length * length / 2;
  return band * length - band * (band - 1) / 2;
}

double model_flops(const ModelShape& shape, int64_t sequences, int64_t sequence_length) {
  const double hidden = shape.hidden;
  double macs_per_token = 0;
  for (int layer = 0; layer < shape.layers + shape.mtp_layers; ++layer) {
    macs_per_token += attention_macs(shape, layer, sequence_length) + ffn_macs(shape, layer);
  }
  // Multi-token prediction: three norms counted as one multiply-add an element, and the projection
  // of the pair.
  macs_per_token += shape.mtp_layers * (3 * hidden + 2 * hidden * hidden);
  macs_per_token += (1 + shape.mtp_layers) * hidden * shape.vocab;
  // Two FLOPs a multiply-add; the backward pass does twice the work of the forward pass.
  return 3 * 2 * macs_per_token * static_cast<double>(sequences) *
         static_cast<double>(sequence_length);
}

}  // namespace moesim
