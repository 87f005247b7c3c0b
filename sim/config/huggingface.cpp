#include "config/huggingface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "config/hf_config.hpp"
#include "config/hf_families.hpp"
#include "config/hf_layers.hpp"

namespace moesim {
namespace {

constexpr HfNames kLayers = {"num_hidden_layers", "n_layer", "n_layers", "num_layers"};
constexpr HfNames kHidden = {"hidden_size", "n_embd", "d_model"};
constexpr HfNames kHeads = {"num_attention_heads", "n_head", "n_heads", "num_heads"};
constexpr HfNames kKvHeads = {"num_key_value_heads", "n_kv_heads", "attn_config.kv_n_heads",
                              "num_attention_groups"};
constexpr HfNames kExperts = {"n_routed_experts", "num_experts", "num_local_experts",
                              "moe_num_experts", "ffn_config.moe_num_experts"};
constexpr HfNames kTopK = {"num_experts_per_tok",
                           "num_experts_per_token",
                           "moe_topk",
                           "moe_top_k",
                           "moe_k",
                           "top_k_experts",
                           "num_selected_experts",
                           "ffn_config.moe_top_k"};
constexpr HfNames kExpertFfn = {"moe_intermediate_size", "expert_ffn_hidden_size"};
constexpr HfNames kExpertFfnAsDense = {"moe_intermediate_size", "expert_ffn_hidden_size",
                                       "intermediate_size", "ffn_config.ffn_hidden_size"};
constexpr HfNames kDenseFfn = {
    "intermediate_size_mlp", "dense_intermediate_size", "intermediate_size", "n_inner", "ffn_dim",
    "ffn_hidden_size"};
constexpr HfNames kMtp = {"num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers",
                          "mtp_num_layers", "num_mtp_modules"};
constexpr HfNames kWindow = {"sliding_window", "sliding_window_size", "attention_chunk_size"};
constexpr const char* kNested[] = {"text_config", "language_config", "llm_config",
                                   "thinker_config"};

// The config of the language model inside those of several modalities.
const YamlNode& language_model(const YamlNode& config) {
  const YamlNode* at = &config;
  for (bool inside = true; inside;) {
    inside = false;
    for (const char* name : kNested)
      if (const YamlNode* below = at->find(name); below && below->kind == YamlNode::Kind::map) {
        at = below;
        inside = true;
        break;
      }
  }
  return *at;
}

void put_mla(HfConfig& hf) {
  hf.put("attention", std::string("mla"), {"kv_lora_rank"});
  hf.copy("q_lora_rank", {"q_lora_rank"});  // null: no latent
  hf.copy("kv_lora_rank", {"kv_lora_rank"});
  hf.need("qk_nope_dim", {"qk_nope_head_dim"});
  hf.need("qk_rope_dim", {"qk_rope_head_dim"});
  hf.need("v_dim", {"v_head_dim"});
  hf.ignore({"num_key_value_heads", "head_dim", "qk_head_dim"});
}

void put_gqa(HfConfig& hf) {
  hf.copy("kv_heads", hf.has(kKvHeads) ? kKvHeads : kHeads);
  const int64_t heads = hf.integer_or(kHeads, 0), hidden = hf.integer_or(kHidden, 0);
  if (hf.has({"head_dim", "attention_head_dim"})) {
    hf.copy("head_dim", {"head_dim", "attention_head_dim"});
  } else if (heads > 0) {
    hf.put("head_dim", hidden / heads, kHidden);
  }
  if (hf.integer_or({"v_head_dim"}, 0) > 0) hf.copy("v_dim", {"v_head_dim"});
}

// Heads of layers with a window, where they have their own.
void put_window_heads(HfConfig& hf) {
  const HfNames own = {"swa_num_attention_heads", "attention_other_setting.num_attention_heads"};
  if (!hf.has(own)) return;
  hf.copy("window_heads", own);
  hf.copy("window_kv_heads",
          {"swa_num_key_value_heads", "attention_other_setting.num_attention_groups"});
  hf.copy("window_head_dim", {"swa_head_dim", "attention_other_setting.head_dim"});
  hf.copy("window_v_dim", {"swa_v_head_dim"});
}

// Layers with attention to the whole sequence have wider heads, fewer of keys, and may use the keys
// as values; the common keys then describe the others.
void put_global_heads(HfConfig& hf) {
  if (!hf.has({"global_head_dim", "num_global_key_value_heads", "attention_k_eq_v"})) return;
  hf.copy("window_heads", kHeads);
  hf.copy("window_kv_heads", kKvHeads);
  hf.copy("window_head_dim", {"head_dim"});
  hf.copy("head_dim", {"global_head_dim"});
  const bool shared = hf.flag({"attention_k_eq_v"}, false);
  if (shared && hf.has({"num_global_key_value_heads"}))
    hf.copy("kv_heads", {"num_global_key_value_heads"});
  hf.ignore({"num_global_key_value_heads"});
  hf.put("key_is_value", shared, {"attention_k_eq_v"});
}

// One key per token that is its value too, with a latent of the queries and one per group of the
// output; keys further back are compressed.
void put_compressed_attention(HfConfig& hf) {
  hf.put("key_is_value", true, {"num_key_value_heads"});
  hf.need("q_lora_rank", {"q_lora_rank"});
  hf.need("output_groups", {"o_groups"});
  hf.need("output_rank", {"o_lora_rank"});
  hf.ignore({"qk_rope_head_dim", "num_hash_layers", "mlp_layer_types"});
  const auto rate = [&](const char* key, HfNames names, int64_t published) {
    hf.put(key, hf.integer_or(names, published), names);
  };
  rate("compression", {"compress_rates.compressed_sparse_attention", "compress_rate_csa"}, 4);
  rate("heavy_compression", {"compress_rates.heavily_compressed_attention", "compress_rate_hca"},
       128);
  hf.copy("residual_streams", {"hc_mult"});
}

void put_linear(HfConfig& hf, const HfTraits& traits) {
  if (traits.layout == HfLayout::delta) {
    hf.need("linear_key_heads", {"linear_num_key_heads"});
    hf.need("linear_value_heads", {"linear_num_value_heads"});
    hf.need("linear_head_dim", {"linear_value_head_dim", "linear_key_head_dim"});
    const HfNames key = {"linear_key_head_dim"}, value = {"linear_value_head_dim"};
    const HfNames taps = {"linear_conv_kernel_dim"};
    if (hf.has(key) && hf.has(value) && hf.integer(key) != hf.integer(value))
      hf.fail(*hf.find(key), "linear_key_head_dim",
              "linear_key_head_dim differs from linear_value_head_dim, which is not known");
    if (hf.integer_or(taps, 4) != 4)
      hf.fail(*hf.find(taps), "linear_conv_kernel_dim", "linear_conv_kernel_dim must be 4");
  }
  if (traits.layout == HfLayout::kimi_linear) {
    hf.put("linear_kind", std::string("kimi-delta"), {"linear_attn_config"});
    hf.need("linear_key_heads", {"linear_attn_config.num_heads"});
    hf.need("linear_value_heads", {"linear_attn_config.num_heads"});
    hf.need("linear_head_dim", {"linear_attn_config.head_dim"});
    hf.ignore({"linear_attn_config.kda_layers", "linear_attn_config.short_conv_kernel_size"});
  }
  if (traits.layout == HfLayout::lightning) {
    hf.put("linear_kind", std::string("lightning"), {"attn_type_list", "layer_group_size"});
    hf.need("linear_key_heads", kHeads);
    hf.need("linear_value_heads", kHeads);
    hf.put("linear_head_dim", hf.got("head_dim"), {"head_dim"});
    hf.ignore({"block_size", "group_norm_size", "linear_silu", "linear_rope", "linear_mode"});
  }
}

// Layers of a state space: their inner width is that of their heads, or an expansion of the
// model's.
void put_mamba(HfConfig& hf, const HfTraits& traits) {
  const HfNames heads = {"mamba_num_heads", "mamba_n_heads"};
  const HfNames expand = {"mamba_expand", "expand"};
  const HfNames dim = {"mamba_head_dim", "mamba_d_head"};
  if (traits.conv_taps == 0 || !hf.has({"mamba_num_heads", "mamba_n_heads", "mamba_d_state"}))
    return;
  const int64_t hidden = hf.integer_or(kHidden, 0);
  const int64_t inner = hidden * hf.integer_or(expand, 2);
  const int64_t count = hf.integer_or(heads, 0);
  const int64_t width = hf.integer_or(dim, count > 0 ? inner / count : 0);
  hf.put("mamba_inner", count > 0 ? count * width : inner, count > 0 ? heads : expand);
  if (count > 0) hf.put("mamba_heads", count, heads);
  hf.need("mamba_state", {"ssm_state_size", "mamba_d_state"});
  hf.copy("mamba_groups", {"n_groups", "mamba_n_groups"});
  const HfNames taps = {"conv_kernel", "mamba_d_conv"};
  hf.put("mamba_taps", hf.integer_or(taps, traits.conv_taps), taps);
  const HfNames rank = {"mamba_dt_rank"};  // "auto": one for every 16 channels
  if (count == 0) hf.put("mamba_dt_rank", hf.integer_or(rank, (hidden + 15) / 16), rank);
  hf.ignore({"mamba_hidden_act", "use_conv_bias", "mamba_conv_bias", "mamba_proj_bias",
             "mamba_inner_layernorms", "mamba_rms_norm"});
}

void put_indexer(HfConfig& hf) {
  if (hf.integer_or({"index_topk"}, 0) == 0) return;
  hf.copy("index_topk", {"index_topk"});
  hf.need("index_heads", {"index_n_heads"});
  hf.need("index_dim", {"index_head_dim"});
}

void put_attention(HfConfig& hf, const HfTraits& traits) {
  hf.need("heads", kHeads);
  if (hf.has({"kv_lora_rank"})) {
    put_mla(hf);
  } else {
    put_gqa(hf);
    put_window_heads(hf);
    put_global_heads(hf);
  }
  if (hf.flag({"use_qk_norm", "use_qk_layernorm", "qk_layernorm"}, traits.qk_norm))
    hf.put("qk_norm", true, {"use_qk_norm", "model_type"});
  const HfNames bias = {"attention_bias", "qkv_bias", "use_qkv_bias"};
  if (hf.flag(bias, traits.qkv_bias)) hf.put("attention_bias", true, bias);
  if (hf.flag({"attn_output_gate"}, traits.attention_gate))
    hf.put("attention_gate", true, {"attn_output_gate", "model_type"});
  if (hf.flag({"use_head_wise_attn_gate"}, false))
    hf.put("head_gate", true, {"use_head_wise_attn_gate"});
  if (hf.integer_or(kWindow, 0) > 0 && hf.flag({"use_sliding_window"}, true))
    hf.copy("sliding_window", kWindow);
  if (traits.layout == HfLayout::compressed) put_compressed_attention(hf);
  if (traits.layout == HfLayout::short_conv) {
    hf.need("convolution_taps", {"conv_L_cache"});
    hf.ignore({"conv_dim", "conv_dim_out", "conv_bias", "conv_use_xavier_init"});
  }
  put_linear(hf, traits);
  put_mamba(hf, traits);
  put_indexer(hf);
}

void put_shared_experts(HfConfig& hf, const HfTraits& traits) {
  const HfNames width = {"shared_expert_intermediate_size", "shared_intermediate_size",
                         "share_expert_dim", "moe_shared_expert_intermediate_size"};
  const HfNames number = {"n_shared_experts", "num_shared_experts", "num_shared_expert",
                          "moe_num_shared_experts"};
  const int64_t count = hf.integer_or(number, 0);
  if (!hf.flag({"use_mixed_mlp_moe"}, true)) return;
  if (traits.dense_beside_experts) {
    hf.put("shared_experts", int64_t{1}, kDenseFfn);
    return hf.need("shared_ffn", kDenseFfn);
  }
  if (hf.has(width)) {
    if (hf.integer(width) == 0) return;
    hf.put("shared_experts", std::max<int64_t>(count, 1), width);
    hf.copy("shared_ffn", width);
    if (count > 1)
      hf.fail(*hf.find(width), "shared", "a width of several shared experts is not known");
    if (traits.shared_gate) hf.put("shared_gate", true, width);
    return;
  }
  if (traits.shared_like_expert) {
    hf.put("shared_experts", int64_t{1}, {"intermediate_size"});
    return hf.copy("shared_ffn", {"intermediate_size"});
  }
  if (count == 0) return;
  const int64_t one = hf.got("moe_ffn");
  hf.copy("shared_experts", number);
  if (count <= 65'536 && one > 0 && one <= 1'048'576) hf.put("shared_ffn", count * one, number);
}

// Choices that compute nothing take their share of a token's choices; the rest must be whole.
void put_zero_experts(HfConfig& hf) {
  const HfNames zero = {"zero_expert_num"};
  const int64_t none = hf.integer_or(zero, 0), experts = hf.got("experts"),
                chosen = hf.got("top_k");
  if (none == 0) return;
  if (experts == 0 || chosen * experts % (experts + none) != 0)
    return hf.fail(*hf.find(zero), "zero_expert_num",
                   fmt::format("zero_expert_num = {} leaves no whole number of {} choices among {} "
                               "experts",
                               none, chosen, experts));
  hf.put("zero_experts", none, zero);
  hf.put("top_k", chosen * experts / (experts + none), kTopK);
  hf.ignore({"zero_expert_type"});
}

void put_experts(HfConfig& hf, const HfTraits& traits) {
  hf.copy("experts", kExperts);
  hf.need("top_k", kTopK);
  hf.need("moe_ffn", traits.expert_is_intermediate ? kExpertFfnAsDense : kExpertFfn);
  if (traits.expert_bias) hf.put("expert_bias", true, kExperts);
  hf.copy("n_group", {"n_group", "num_expert_group"});
  hf.copy("topk_group", {"topk_group"});
  hf.copy("moe_latent", {"moe_latent_size"});
  put_shared_experts(hf, traits);
  put_zero_experts(hf);
}

// SwiGLU has three matrices; whether another activation has two is the family's to say.
void put_activation(HfConfig& hf, const HfTraits& traits) {
  const HfNames names = {"hidden_act", "mlp_hidden_act", "hidden_activation",
                         "activation_function"};
  const std::string activation = hf.text(names);
  if (traits.two_matrices) return hf.put("gated_ffn", false, names);
  const bool gated = activation.empty() || activation == "silu" || activation == "swish" ||
                     activation == "swiglu" || traits.gated_gelu;
  if (!gated)
    hf.fail(*hf.find(names), "hidden_act",
            fmt::format("{} \"{}\": whether the FFNs then have two matrices or three is not known "
                        "for this model_type",
                        hf.config().find("mlp_hidden_act") ? "mlp_hidden_act" : "hidden_act",
                        activation));
}

// The width that LFM2's dense FFN comes to (transformers, Lfm2MLP).
void put_dense_ffn(HfConfig& hf) {
  const HfNames width = {"block_ff_dim"};
  const HfNames adjusts = {"block_auto_adjust_ff_dim"}, times = {"block_ffn_dim_multiplier"};
  const HfNames multiple = {"block_multiple_of"};
  if (!hf.has({"block_ff_dim", "block_auto_adjust_ff_dim"})) return hf.need("dense_ffn", kDenseFfn);
  int64_t ffn = hf.has(width) ? hf.integer_or(width, 0) : hf.integer_or(kDenseFfn, 0);
  hf.ignore({"intermediate_size", "block_dim", "block_mlp_init_scale", "block_use_swiglu",
             "block_use_xavier_init", "block_out_scale"});
  if (hf.flag(adjusts, true)) {
    const int64_t of = std::max<int64_t>(1, hf.integer_or(multiple, 256));
    const double by = hf.has(times) ? std::strtod(hf.text(times).c_str(), nullptr) : 1;
    ffn = static_cast<int64_t>(by * static_cast<double>(2 * ffn / 3));
    ffn = (ffn + of - 1) / of * of;
  }
  hf.put("dense_ffn", ffn, width);
}

void put_ffn(HfConfig& hf, const HfTraits& traits) {
  put_activation(hf, traits);
  const bool off = hf.config().find("enable_moe_block") && !hf.flag({"enable_moe_block"}, true);
  const bool experts =
      !off && hf.has(kExperts) && hf.integer(kExperts) != 0 && hf.integer(kExperts) != 1;
  if (experts) put_experts(hf, traits);
  if (off) hf.ignore({"moe_intermediate_size", "top_k_experts"});
  put_layers(hf, traits, experts);
  if (!experts) {
    // Such layers have no other experts than the shared ones.
    const HfNames shared = {"shared_intermediate_size"};
    hf.ignore({"num_experts_per_tok", "intermediate_size"});
    if (hf.has(shared) && traits.layout == HfLayout::keys && traits.expert_is_intermediate)
      return hf.need("dense_ffn", shared);
    return put_dense_ffn(hf);
  }
  if (hf.dense_layers())
    put_dense_ffn(hf);
  else
    hf.ignore(kDenseFfn);
}

void put_tied(HfConfig& hf, const HfTraits& traits) {
  const HfNames names = {"tie_word_embeddings", "tie_embedding", "use_tie_lm_head"};
  const YamlNode* outer = hf.outer().find("tie_word_embeddings");
  if (hf.has(names)) {
    if (outer && outer->text != hf.text(names))
      hf.fail(*outer, "tie_word_embeddings",
              "tie_word_embeddings differs from that of the nested config");
    return hf.copy("tied_embeddings", names);
  }
  if (outer && outer->kind == YamlNode::Kind::scalar) return hf.put("tied_embeddings", *outer);
  if (traits.tied) hf.put("tied_embeddings", true, {"model_type"});
}

void put_name(HfConfig& hf, const YamlNode& config) {
  if (const YamlNode* name = config.find("name")) {
    hf.put("name", *name);
  } else if (const YamlNode* type = config.find("model_type")) {
    hf.put("name", *type);
  }
}

std::string type_of(const YamlNode& node) {
  const YamlNode* type = node.find("model_type");
  return type && type->kind == YamlNode::Kind::scalar ? type->text : "";
}

void fail_unknown(HfConfig& hf, const YamlNode& at, const std::string& type) {
  const std::vector<std::string> keys = hf.shaping_keys();
  hf.fail(
      at, "model_type",
      fmt::format("model_type {} is not known, so what these keys mean is not either: {}. If it "
                  "is built like a known one, say so: --assume like=TYPE, or like: TYPE beside "
                  "base in the workload (known: {})",
                  type.empty() ? "is missing, and what is missing" : quote(type),
                  keys.empty() ? "(none)" : fmt::format("{}", fmt::join(keys, ", ")),
                  fmt::join(family_types(), ", ")));
}

}  // namespace

bool is_huggingface(const YamlNode& node) {
  if (node.find("model_type") || node.find("architectures")) return true;
  return std::any_of(std::begin(kNested), std::end(kNested), [&](const char* name) {
    const YamlNode* below = node.find(name);
    return below && below->kind == YamlNode::Kind::map && is_huggingface(*below);
  });
}

YamlNode from_huggingface(const YamlNode& config, const std::string& path, const std::string& like,
                          Problems& problems) {
  const YamlNode& text = language_model(config);
  HfConfig hf(text, config, path, problems);
  const std::string own = type_of(text), type = own.empty() ? type_of(config) : own;
  put_name(hf, config);
  const HfFamily* family = find_family(type);
  if (!family && !like.empty()) {
    family = find_family(like);
    if (!family)
      hf.fail(fmt::format("like: {} is not a known model_type{}", quote(like),
                          hint(like, family_types())));
  } else if (!family) {
    const YamlNode* at = text.find("model_type");
    fail_unknown(hf, at ? *at : config, type);
  }
  if (!family) return hf.take();
  const HfTraits& traits = family->traits;
  hf.ignore({"model_type", "tie_word_embeddings"});
  hf.need("layers", traits.layout == HfLayout::two_attention ? HfNames{"num_layers"} : kLayers);
  hf.ignore({"num_hidden_layers"});
  hf.set_layers(hf.got("layers"));
  hf.need("hidden", kHidden);
  hf.need("vocab", {"vocab_size"});
  put_tied(hf, traits);
  if (hf.flag({"use_mtp"}, true)) hf.copy("mtp_layers", kMtp);
  if (hf.integer_or({"mtp_transformer_layers"}, 1) != 1)
    hf.fail("mtp_transformer_layers must be 1");
  if (!hf.flag({"use_cla"}, false))
    hf.ignore({"cla_share_factor"});
  else
    hf.fail("use_cla: layers that share keys and values are not known");
  hf.ignore(kMtp);
  put_attention(hf, traits);
  put_ffn(hf, traits);
  hf.unread(type);
  return hf.take();
}

}  // namespace moesim
