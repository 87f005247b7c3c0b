// Says what a `model_type` of HuggingFace means beyond its keys: the entries of
// workloads/huggingface/families.yaml, which is compiled into the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/spelling.hpp"

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
inline constexpr auto kHfLayouts =
    spell<HfLayout::delta>("keys", "nemotron", "jamba", "short_conv", "two_attention", "compressed",
                           "kimi_linear", "lightning", "delta");
constexpr const auto& enum_names(HfLayout) { return kHfLayouts; }

// Which layers have the window of `sliding_window`, without layer_types.
enum class HfWindow { none, all, alternate, no_rope, pattern, hybrid_pattern, global_every };
inline constexpr auto kHfWindows = spell<HfWindow::global_every>(
    "none", "all", "alternate", "no_rope", "pattern", "hybrid_pattern", "global_every");
constexpr const auto& enum_names(HfWindow) { return kHfWindows; }

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
  std::vector<std::string> types;
  HfTraits traits;
};

// Returns null when no entry has this type.
const HfFamily* find_family(std::string_view model_type);
std::vector<std::string> family_types();  // sorted

}  // namespace moesim
