#include "model/mixer_projections.hpp"

namespace moesim {
namespace {

double sum_of(const std::vector<Projection>& matrices) {
  double sum = 0;
  for (const Projection& matrix : matrices) sum += matrix.weights();
  return sum;
}

void append(std::vector<Projection>& to, const std::vector<Projection>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// Windows of compressed-sparse layers overlap: an entry mixes its own tokens with those of the one
// before, from a half of the width each (transformers, deepseek_v4 DeepseekV4CSACompressor).
double halves(Mixer mixer) { return mixer == Mixer::compressed_sparse ? 2 : 1; }

// Entry's own position bias and norm.
double compressor_rest(double tokens, double width, Mixer mixer) {
  return tokens * halves(mixer) * width + width;
}

void add_gqa(const ModelShape& shape, Mixer mixer, MixerProjections& parts) {
  const AttentionHeads heads = attention_heads(shape, mixer);
  const double hidden = shape.hidden, query = heads.query_width();
  const double gate = shape.attention_gate ? query : 0;
  if (shape.q_lora_rank > 0) {
    parts.before.push_back({hidden, static_cast<double>(shape.q_lora_rank), false});
    parts.before.push_back({static_cast<double>(shape.q_lora_rank), query + gate});
    parts.before.push_back({hidden, heads.key_value_width()});
    parts.norms += shape.q_lora_rank;
  } else {
    parts.before.push_back({hidden, query + gate + heads.key_value_width()});
  }
  if (shape.head_gate) parts.before.push_back({hidden, static_cast<double>(heads.query)});
  if (shape.attention_bias) parts.biases += query + gate + heads.key_value_width();
  if (shape.qk_norm) parts.norms += 2.0 * heads.qk_dim;
}

// DeepSeek-V2, arXiv:2405.04434 appendix C.
void add_mla(const ModelShape& shape, MixerProjections& parts) {
  const double hidden = shape.hidden, heads = shape.heads;
  const double query = heads * (shape.qk_nope_dim + shape.qk_rope_dim);
  const double q_rank = shape.q_lora_rank, kv_rank = shape.kv_lora_rank;
  if (shape.q_lora_rank > 0) {
    parts.before.push_back({hidden, q_rank, false});
    parts.before.push_back({q_rank, query});
  } else {
    parts.before.push_back({hidden, query});
  }
  parts.before.push_back({hidden, kv_rank + shape.qk_rope_dim, false});
  parts.before.push_back({kv_rank, heads * (shape.qk_nope_dim + shape.v_dim)});
  if (shape.head_gate) parts.before.push_back({hidden, heads});
  parts.norms += q_rank + kv_rank;
}

void add_attention(const ModelShape& shape, Mixer mixer, MixerProjections& parts) {
  if (shape.attention == AttentionKind::mla) {
    add_mla(shape, parts);
  } else {
    add_gqa(shape, mixer, parts);
  }
  append(parts.before, compressor_projections(shape, mixer));
  append(parts.before, indexer_projections(shape, mixer));
  if (mixer == Mixer::sparse) parts.norms += 2.0 * shape.index_dim;  // a LayerNorm of its keys
  if (is_compressed(mixer)) {
    const bool sparse = mixer == Mixer::compressed_sparse;
    const int tokens = sparse ? shape.compression : shape.heavy_compression;
    parts.norms += compressor_rest(tokens, shape.head_dim, mixer);
    if (sparse) parts.norms += compressor_rest(tokens, shape.index_dim, mixer);
  }
  const double out = attention_heads(shape, mixer).output_width(), hidden = shape.hidden;
  if (shape.output_groups > 0) {
    const double latents = static_cast<double>(shape.output_groups) * shape.output_rank;
    parts.after.push_back({out / shape.output_groups, latents});
    parts.after.push_back({latents, hidden});
    // Such models norm the key and hold a sink per head too.
    parts.norms += shape.head_dim + shape.heads;
  } else {
    parts.after.push_back({out, hidden});
  }
}

// Gated DeltaNet: q, k, v, the output gate and two scalars per value head. Kimi Delta Attention: a
// decay per channel and the gate come from latents as wide as a head. Lightning attention: q, k, v
// and the gate.
void add_linear(const ModelShape& shape, MixerProjections& parts) {
  const double hidden = shape.hidden, dim = shape.linear_head_dim,
               value_heads = shape.linear_value_heads;
  const double key = shape.linear_key_heads * dim, value = value_heads * dim;
  switch (shape.linear_kind) {
    case LinearKind::gated_delta_net:
      parts.before = {{hidden, 2 * key + 2 * value + 2 * value_heads}};
      parts.biases = 2 * value_heads;  // decay and bias
      parts.norms = dim;
      break;
    case LinearKind::kimi_delta:
      parts.before = {{hidden, 2 * key + value + value_heads},
                      {hidden, 2 * dim, false},
                      {dim, value},
                      {dim, value}};
      parts.biases = value_heads + value;
      parts.norms = dim;
      break;
    case LinearKind::lightning:
      parts.before = {{hidden, 2 * key + 2 * value}};
      parts.norms = value;
      break;
  }
  parts.after = {{value, hidden}};
}

// Mamba-2 projects the input, the gate, one B and C per group and a step per head at once (Dao and
// Gu, arXiv:2405.21060 section 7); Mamba-1 reads B, C and a latent of the step from the convolved
// input (Gu and Dao, arXiv:2312.00752), and Jamba norms the three.
void add_mamba(const ModelShape& shape, MixerProjections& parts) {
  const double hidden = shape.hidden, inner = shape.mamba_inner, state = shape.mamba_state;
  if (shape.mamba_heads > 0) {
    const double groups = 2.0 * shape.mamba_groups * state;
    parts.before = {{hidden, 2 * inner + groups + shape.mamba_heads}};
    parts.biases = inner + groups + 3.0 * shape.mamba_heads + inner;
  } else {
    const double rank = shape.mamba_dt_rank;
    parts.before = {{hidden, 2 * inner}, {inner, rank + 2 * state}, {rank, inner}};
    parts.biases = 3 * inner + inner * state;
    parts.norms = rank + 2 * state;
  }
  parts.after = {{inner, hidden}};
}

}  // namespace

double MixerProjections::weights() const { return sum_of(before) + sum_of(after); }

int convolution_taps(const ModelShape& shape, Mixer mixer) {
  if (mixer == Mixer::mamba) return shape.mamba_taps;
  if (mixer == Mixer::convolution) return shape.convolution_taps;
  const bool convolves = mixer == Mixer::linear && shape.linear_kind != LinearKind::lightning;
  return convolves ? linear_convolution_width : 0;
}

double convolution_width(const ModelShape& shape, Mixer mixer) {
  switch (mixer) {
    case Mixer::mamba:
      return shape.mamba_inner +
             (shape.mamba_heads > 0 ? 2.0 * shape.mamba_groups * shape.mamba_state : 0.0);
    case Mixer::convolution:
      return shape.hidden;
    case Mixer::linear:
      if (shape.linear_kind == LinearKind::lightning) return 0;
      return (2.0 * shape.linear_key_heads + shape.linear_value_heads) * shape.linear_head_dim;
    default:
      return 0;
  }
}

std::vector<Projection> indexer_projections(const ModelShape& shape, Mixer mixer) {
  if (mixer != Mixer::sparse && mixer != Mixer::compressed_sparse) return {};
  const double hidden = shape.hidden, heads = shape.index_heads, dim = shape.index_dim;
  const double from = shape.q_lora_rank > 0 ? shape.q_lora_rank : hidden;
  // Keys of compressed layers are compressed too: a value and its weight, in both halves.
  const double key = mixer == Mixer::sparse ? dim : 2 * halves(mixer) * dim;
  return {{from, heads * dim, false}, {hidden, heads, false}, {hidden, key, false}};
}

std::vector<Projection> compressor_projections(const ModelShape& shape, Mixer mixer) {
  if (!is_compressed(mixer)) return {};
  const double width = 2 * halves(mixer) * shape.head_dim;
  return {{static_cast<double>(shape.hidden), width, false}};
}

MixerProjections mixer_projections(const ModelShape& shape, Mixer mixer) {
  MixerProjections parts;
  if (mixer == Mixer::linear) add_linear(shape, parts);
  if (mixer == Mixer::mamba) add_mamba(shape, parts);
  if (mixer == Mixer::convolution) {
    const double hidden = shape.hidden;
    parts.before = {{hidden, 3 * hidden}};  // value and two gates
    parts.after = {{hidden, hidden}};
  }
  if (is_attention(mixer)) add_attention(shape, mixer, parts);
  parts.biases += convolution_taps(shape, mixer) * convolution_width(shape, mixer);
  return parts;
}

}  // namespace moesim
