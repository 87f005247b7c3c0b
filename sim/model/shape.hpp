// The model that is trained: the shapes of a transformer with mixture-of-experts layers. Knows
// nothing of machines or mappings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/spelling.hpp"

namespace moesim {

// Taps of the causal convolution in front of a Gated DeltaNet layer (Qwen3-Next
// linear_conv_kernel_dim).
inline constexpr int linear_convolution_width = 4;

enum class AttentionKind {
  gqa,  // multi-head and grouped-query attention: kv_heads <= heads
  mla,  // multi-head latent attention (DeepSeek-V2, arXiv:2405.04434)
};
inline constexpr auto kAttentionKinds = spell<AttentionKind::mla>("gqa", "mla");
constexpr const auto& enum_names(AttentionKind) { return kAttentionKinds; }

// One of these mixes the tokens of a sequence in one layer.
enum class Mixer : uint8_t {
  attention,  // to the whole sequence
  window,     // attention to the last `sliding_window` tokens
  sparse,     // attention to the `index_topk` tokens that an indexer chooses (arXiv:2512.02556)
  // Attention to a window and to compressed keys: the indexer's choice among them, or all of them.
  compressed_sparse,
  heavily_compressed,
  linear,       // a linear attention: LinearKind
  mamba,        // a selective state space: Mamba-1 without heads, else Mamba-2 (arXiv:2405.21060)
  convolution,  // a gated short convolution (arXiv:2511.23404)
  none,
};
inline constexpr auto kMixers = std::to_array<Spelled<Mixer>>({
    {Mixer::attention, "attention"},
    {Mixer::window, "window"},
    {Mixer::sparse, "sparse"},
    {Mixer::compressed_sparse, "compressed-sparse"},
    {Mixer::heavily_compressed, "heavily-compressed"},
    {Mixer::linear, "linear"},
    {Mixer::mamba, "mamba"},
    {Mixer::convolution, "convolution"},
    {Mixer::none, "none"},
});
constexpr const auto& enum_names(Mixer) { return kMixers; }

// One of these follows the mixer in a layer.
enum class Ffn : uint8_t { dense, experts, none };
inline constexpr auto kFfns = std::to_array<Spelled<Ffn>>({
    {Ffn::dense, "dense"},
    {Ffn::experts, "experts"},
    {Ffn::none, "none"},
});
constexpr const auto& enum_names(Ffn) { return kFfns; }

enum class LinearKind : uint8_t {
  gated_delta_net,  // arXiv:2412.06464
  kimi_delta,       // Gated DeltaNet with a decay per channel (arXiv:2510.26692)
  lightning,        // a decay per head, no delta rule (arXiv:2401.04658)
};
inline constexpr auto kLinearKinds = std::to_array<Spelled<LinearKind>>({
    {LinearKind::gated_delta_net, "gated-delta-net"},
    {LinearKind::kimi_delta, "kimi-delta"},
    {LinearKind::lightning, "lightning"},
});
constexpr const auto& enum_names(LinearKind) { return kLinearKinds; }

// Widths are per tensor, not per rank. Names follow the HuggingFace config.json they are read from
// where that is clear.
struct ModelShape {
  std::string name;
  int layers = 0;
  int hidden = 0;
  int vocab = 0;
  bool tied_embeddings = false;

  AttentionKind attention = AttentionKind::gqa;
  int heads = 0;
  int kv_heads = 0;      // gqa only
  int head_dim = 0;      // gqa only
  bool qk_norm = false;  // RMSNorm on each query and key head
  bool attention_bias = false;
  int q_lora_rank = 0;        // 0 means the query is projected directly
  int kv_lora_rank = 0;       // mla
  int qk_nope_dim = 0;        // mla
  int qk_rope_dim = 0;        // mla
  int v_dim = 0;              // width of a value head; gqa: 0 means head_dim
  bool key_is_value = false;  // gqa: one projection is both key and value
  int output_groups = 0;      // the output projection has a latent per group of heads; 0: none
  int output_rank = 0;        // width of one such latent
  int sliding_window = 0;     // tokens; 0: every layer attends to the whole sequence
  // With a window: layers period-1, 2*period-1, ... attend to the whole sequence; 0: every layer
  // has the window.
  int sliding_window_period = 2;
  // Heads of layers with a window where they differ from the others'; 0: as the others.
  int window_heads = 0;
  int window_kv_heads = 0;
  int window_head_dim = 0;
  int window_v_dim = 0;
  // The indexer of sparse attention: heads and width of its queries, and the keys it chooses.
  int index_heads = 0;
  int index_dim = 0;
  int index_topk = 0;
  // Tokens behind one compressed key of compressed-sparse and of heavily-compressed layers.
  int compression = 0;
  int heavy_compression = 0;
  LinearKind linear_kind = LinearKind::gated_delta_net;
  // Linear-attention layers: all but layers period-1, 2*period-1, ...; 0: none.
  int linear_attention_period = 0;
  int linear_key_heads = 0;
  int linear_value_heads = 0;
  int linear_head_dim = 0;
  bool attention_gate = false;  // output gate: the query projection is twice as wide (Qwen3-Next)
  bool head_gate = false;       // output gate of one number per head

  int mamba_inner = 0;  // width inside a Mamba layer
  int mamba_heads = 0;  // Mamba-2; 0: Mamba-1
  int mamba_state = 0;
  int mamba_groups = 1;
  int mamba_taps = 4;     // of its convolution
  int mamba_dt_rank = 0;  // Mamba-1
  int convolution_taps = 0;

  // One entry a layer, multi-token-prediction layers included or not; empty: what the periods say.
  std::vector<Mixer> mixers;
  std::vector<Ffn> ffns;
  // Streams of the residual that layers mix (hyper-connections, arXiv:2409.19606).
  int residual_streams = 1;

  int dense_ffn = 0;           // width of the FFN in layers without experts
  int first_dense_layers = 0;  // layers at the start that have a dense FFN
  int moe_period = 1;  // of the others, every moe_period-th has experts (the last of each period)

  int experts = 0;  // 0: a dense model
  int top_k = 0;
  int moe_ffn = 0;       // width of one expert
  int moe_latent = 0;    // width in which experts work, between two projections; 0: hidden
  int zero_experts = 0;  // further columns of the router that compute nothing
  bool expert_bias = false;
  int shared_experts = 0;  // experts that see every token
  int shared_ffn = 0;      // width of all shared experts together
  bool shared_gate = false;
  int n_group = 1;        // node-limited routing: experts form n_group groups,
  int topk_group = 1;     // and a token may use at most topk_group of them
  bool gated_ffn = true;  // SwiGLU (three matrices); false: two matrices

  int mtp_layers = 0;  // multi-token-prediction layers appended after the last (DeepSeek-V3)

  // As published, for `moesim list` and tests; 0 when not known.
  double published_total_parameters = 0;
  double published_active_parameters = 0;
};

// Layers count from 0; layers >= shape.layers are multi-token-prediction layers and look like the
// last one, unless the lists hold entries of their own for them.
Mixer mixer_of(const ModelShape& shape, int layer);
Ffn ffn_of(const ModelShape& shape, int layer);
bool has_experts(const ModelShape& shape, int layer);
bool is_linear_attention(const ModelShape& shape, int layer);
// Tokens a query may look back on in this layer; 0: the whole sequence.
int attention_window(const ModelShape& shape, int layer);
// Width of the vectors that travel to the experts.
int expert_width(const ModelShape& shape);

// Heads of one attention layer, on one rank of a tensor-parallel group.
struct AttentionHeads {
  int query = 0, key_value = 0;
  int qk_dim = 0, v_dim = 0;
  bool key_is_value = false;

  double query_width() const { return static_cast<double>(query) * qk_dim; }
  double key_width() const { return static_cast<double>(key_value) * qk_dim; }
  double value_width() const { return static_cast<double>(key_value) * v_dim; }
  double output_width() const { return static_cast<double>(query) * v_dim; }
  // Keys and values as they are projected.
  double key_value_width() const { return key_width() + (key_is_value ? 0 : value_width()); }
};
AttentionHeads attention_heads(const ModelShape& shape, Mixer mixer, int tp = 1);
bool is_attention(Mixer mixer);
bool is_compressed(Mixer mixer);
// Elements per token that a context-parallel rank hands to the others for this layer: keys and
// values, as they are gathered; of mixers without keys, what changes from tokens to heads and back.
double exchanged_width(const ModelShape& shape, int layer, int tp);
// Width of a mixer's result, before its output projection.
double mixer_output_width(const ModelShape& shape, Mixer mixer);

}  // namespace moesim
