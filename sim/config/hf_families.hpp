// Says what a `model_type` of HuggingFace means beyond its keys: one row for each group of types
// that their modelling code (`transformers`, or the code published beside the weights) builds
// alike. To add a family, add its row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// How the layers of a family follow one another, where that is not in keys that all share.
enum class HfLayout {
  keys,           // layer_types, periods, lists of layers with experts
  nemotron,       // a pattern of single blocks: a mixer, or what follows one
  jamba,          // attention every so many layers, Mamba-1 between them
  short_conv,     // layer_types with gated convolutions
  two_attention,  // each layer has two attentions and two FFNs, experts beside the first
  compressed,     // compress_ratios, layer by layer
  kimi_linear,    // lists of layers in linear_attn_config
  lightning,      // attn_type_list, or a group size
  delta,          // Gated DeltaNet but for every so many layers
};

// Which layers have the window of `sliding_window`, without layer_types.
enum class HfWindow { none, all, alternate, no_rope, pattern, hybrid_pattern, global_every };

struct HfTraits {
  HfLayout layout = HfLayout::keys;
  HfWindow window = HfWindow::none;
  int window_period = 0;  // pattern: where the config has no key for it
  bool qk_norm = false;
  bool qkv_bias = false;                // where no key says otherwise
  bool attention_gate = false;          // the query projection is twice as wide
  bool shared_gate = false;             // of shared experts
  bool expert_bias = false;             // the experts' matrices have biases
  bool expert_is_intermediate = false;  // intermediate_size is the width of an expert
  bool shared_like_expert = false;      // one shared expert without a key
  bool dense_beside_experts = false;    // layers with experts have the dense FFN too
  bool two_matrices = false;            // FFNs without a gate
  bool gated_gelu = false;              // three matrices whatever the activation
  bool tied = false;                    // tied embeddings where no key says otherwise
  int conv_taps = 0;                    // of Mamba, where no key says otherwise
};

struct HfFamily {
  std::string_view types;  // separated by spaces
  HfTraits traits;
};

// Null when no row has this type.
const HfFamily* find_family(std::string_view model_type);
std::vector<std::string> family_types();

}  // namespace moesim
