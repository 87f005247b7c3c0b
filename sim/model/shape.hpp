// The model that is trained: the shapes of a transformer with mixture-of-experts layers. Knows
// nothing of machines or mappings.
#pragma once

#include <string>

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
  int q_lora_rank = 0;     // mla: 0 means the query is projected directly
  int kv_lora_rank = 0;    // mla
  int qk_nope_dim = 0;     // mla
  int qk_rope_dim = 0;     // mla
  int v_dim = 0;           // mla
  int sliding_window = 0;  // tokens; 0: every layer attends to the whole sequence
  // With a window: layers period-1, 2*period-1, ... attend to the whole sequence; 0: every layer
  // has the window.
  int sliding_window_period = 2;
  // Gated DeltaNet layers (Qwen3-Next): all but layers period-1, 2*period-1, ...; 0: none.
  int linear_attention_period = 0;
  int linear_key_heads = 0;
  int linear_value_heads = 0;
  int linear_head_dim = 0;
  bool attention_gate = false;  // output gate: the query projection is twice as wide (Qwen3-Next)

  int dense_ffn = 0;           // width of the FFN in layers without experts
  int first_dense_layers = 0;  // layers at the start that have a dense FFN
  int moe_period = 1;  // of the others, every moe_period-th has experts (the last of each period)

  int experts = 0;  // 0: a dense model
  int top_k = 0;
  int moe_ffn = 0;  // width of one expert
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
// last one.
bool has_experts(const ModelShape& shape, int layer);
bool is_linear_attention(const ModelShape& shape, int layer);
// Tokens a query may look back on in this layer; 0: the whole sequence.
int attention_window(const ModelShape& shape, int layer);

}  // namespace moesim
