#include "model/shape.hpp"

#include <algorithm>

namespace moesim {
namespace {

// A multi-token-prediction layer is built like the last layer.
int layer_it_resembles(const ModelShape& shape, int layer) {
  return std::min(layer, shape.layers - 1);
}

// True for layers period-1, 2*period-1, ...; never when there is no period.
bool closes_period(int layer, int period) { return period > 0 && (layer + 1) % period == 0; }

Mixer mixer_by_period(const ModelShape& shape, int like) {
  if (shape.linear_attention_period > 0 && !closes_period(like, shape.linear_attention_period))
    return Mixer::linear;
  if (shape.sliding_window > 0 && !closes_period(like, shape.sliding_window_period))
    return Mixer::window;
  return shape.index_topk > 0 ? Mixer::sparse : Mixer::attention;
}

Ffn ffn_by_period(const ModelShape& shape, int like) {
  if (shape.experts == 0 || like < shape.first_dense_layers) return Ffn::dense;
  const bool last = closes_period(like - shape.first_dense_layers, std::max(1, shape.moe_period));
  return last ? Ffn::experts : Ffn::dense;
}

template <class Kind>
Kind listed(const std::vector<Kind>& kinds, int layer) {
  return kinds[std::min<size_t>(layer, kinds.size() - 1)];
}

}  // namespace

Mixer mixer_of(const ModelShape& shape, int layer) {
  if (!shape.mixers.empty()) return listed(shape.mixers, layer);
  return mixer_by_period(shape, layer_it_resembles(shape, layer));
}

Ffn ffn_of(const ModelShape& shape, int layer) {
  if (!shape.ffns.empty()) return listed(shape.ffns, layer);
  return ffn_by_period(shape, layer_it_resembles(shape, layer));
}

bool has_experts(const ModelShape& shape, int layer) {
  return ffn_of(shape, layer) == Ffn::experts;
}

bool is_linear_attention(const ModelShape& shape, int layer) {
  return mixer_of(shape, layer) == Mixer::linear;
}

bool is_compressed(Mixer mixer) {
  return mixer == Mixer::compressed_sparse || mixer == Mixer::heavily_compressed;
}

bool is_attention(Mixer mixer) {
  return mixer == Mixer::attention || mixer == Mixer::window || mixer == Mixer::sparse ||
         is_compressed(mixer);
}

int attention_window(const ModelShape& shape, int layer) {
  const Mixer mixer = mixer_of(shape, layer);
  return mixer == Mixer::window || is_compressed(mixer) ? shape.sliding_window : 0;
}

int expert_width(const ModelShape& shape) {
  return shape.moe_latent > 0 ? shape.moe_latent : shape.hidden;
}

AttentionHeads attention_heads(const ModelShape& shape, Mixer mixer, int tp) {
  const auto either = [&](int own, int common) {
    return mixer == Mixer::window && own > 0 ? own : common;
  };
  AttentionHeads heads;
  heads.query = either(shape.window_heads, shape.heads) / tp;
  if (shape.attention == AttentionKind::mla) {
    // Latent attention is multi-head once keys and values are projected up.
    heads.key_value = heads.query;
    heads.qk_dim = shape.qk_nope_dim + shape.qk_rope_dim;
    heads.v_dim = shape.v_dim;
    return heads;
  }
  const int key_value = either(shape.window_kv_heads, shape.kv_heads);
  heads.key_value = std::max(1, key_value / tp);  // replicated when tp exceeds them
  heads.qk_dim = either(shape.window_head_dim, shape.head_dim);
  const int v_dim = either(shape.window_v_dim, shape.v_dim);
  heads.v_dim = v_dim > 0 ? v_dim : heads.qk_dim;
  // Layers with heads of their own keep keys and values apart.
  heads.key_is_value = shape.key_is_value && either(shape.window_heads, 0) == 0;
  return heads;
}

double exchanged_width(const ModelShape& shape, int layer, int tp) {
  const Mixer mixer = mixer_of(shape, layer);
  if (!is_attention(mixer)) return 2 * mixer_output_width(shape, mixer) / tp;
  const AttentionHeads heads = attention_heads(shape, mixer, tp);
  if (mixer == Mixer::sparse && shape.attention == AttentionKind::mla)
    return shape.kv_lora_rank + shape.qk_rope_dim;
  if (is_compressed(mixer)) {
    const bool sparse = mixer == Mixer::compressed_sparse;
    return heads.key_width() / (sparse ? shape.compression : shape.heavy_compression);
  }
  return heads.key_value_width();
}

double mixer_output_width(const ModelShape& shape, Mixer mixer) {
  switch (mixer) {
    case Mixer::linear:
      return static_cast<double>(shape.linear_value_heads) * shape.linear_head_dim;
    case Mixer::mamba:
      return shape.mamba_inner;
    case Mixer::convolution:
      return shape.hidden;
    case Mixer::none:
      return 0;
    default:
      return attention_heads(shape, mixer).output_width();
  }
}

}  // namespace moesim
