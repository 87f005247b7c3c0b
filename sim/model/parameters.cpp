#include "model/parameters.hpp"

namespace moesim {
namespace {

double ffn_matrices(const ModelShape& shape) { return shape.gated_ffn ? 3 : 2; }

void add_gqa(const ModelShape& shape, LayerParameters& layer) {
  const double hidden = shape.hidden, head_dim = shape.head_dim;
  const double query_width = shape.heads * head_dim * (shape.attention_gate ? 2 : 1);
  const double key_value_width = 2 * shape.kv_heads * head_dim;
  layer.attention = hidden * (query_width + key_value_width) + shape.heads * head_dim * hidden;
  if (shape.attention_bias) layer.attention += query_width + key_value_width;
  if (shape.qk_norm) layer.norms += 2 * head_dim;
}

// DeepSeek-V2, arXiv:2405.04434 appendix C.
void add_mla(const ModelShape& shape, LayerParameters& layer) {
  const double hidden = shape.hidden, heads = shape.heads;
  const double query_width = heads * (shape.qk_nope_dim + shape.qk_rope_dim);
  if (shape.q_lora_rank > 0) {
    layer.attention_replicated += hidden * shape.q_lora_rank;
    layer.attention += shape.q_lora_rank * query_width;
  } else {
    layer.attention += hidden * query_width;
  }
  layer.attention_replicated += hidden * (shape.kv_lora_rank + shape.qk_rope_dim);
  layer.attention += shape.kv_lora_rank * heads * (shape.qk_nope_dim + shape.v_dim);
  layer.attention += heads * shape.v_dim * hidden;
  layer.norms += shape.q_lora_rank + shape.kv_lora_rank;
}

// Gated DeltaNet (Qwen3-Next): projections of q, k, v, the output gate and two scalars per value
// head; a causal convolution of width 4 over q, k, v; decay and bias per value head; a gated norm;
// the output projection.
void add_linear_attention(const ModelShape& shape, LayerParameters& layer) {
  const double hidden = shape.hidden, head_dim = shape.linear_head_dim,
               value_heads = shape.linear_value_heads;
  const double key_width = shape.linear_key_heads * head_dim, value_width = value_heads * head_dim;
  layer.attention = hidden * (2 * key_width + 2 * value_width + 2 * value_heads) +
                    linear_convolution_width * (2 * key_width + value_width) + 2 * value_heads +
                    value_width * hidden;
  layer.norms += head_dim;
}

}  // namespace

LayerParameters layer_parameters(const ModelShape& shape, int layer_index) {
  LayerParameters layer;
  const double hidden = shape.hidden;
  layer.norms = 2 * hidden;
  if (is_linear_attention(shape, layer_index)) {
    add_linear_attention(shape, layer);
  } else if (shape.attention == AttentionKind::mla) {
    add_mla(shape, layer);
  } else {
    add_gqa(shape, layer);
  }
  if (!has_experts(shape, layer_index)) {
    layer.dense_ffn = ffn_matrices(shape) * hidden * shape.dense_ffn;
    return layer;
  }
  layer.router = hidden * shape.experts;
  const double expert_bias =
      shape.expert_bias ? (ffn_matrices(shape) - 1) * shape.moe_ffn + hidden : 0;
  layer.experts = shape.experts * (ffn_matrices(shape) * hidden * shape.moe_ffn + expert_bias);
  layer.shared = ffn_matrices(shape) * hidden * shape.shared_ffn + (shape.shared_gate ? hidden : 0);
  return layer;
}

double embedding_parameters(const ModelShape& shape) {
  return static_cast<double>(shape.vocab) * shape.hidden;
}

double output_parameters(const ModelShape& shape) {
  return shape.hidden + (shape.tied_embeddings ? 0 : embedding_parameters(shape));
}

double mtp_extra_parameters(const ModelShape& shape) {
  const double hidden = shape.hidden;
  return 3 * hidden + 2 * hidden * hidden;
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
