#include "config/hf_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "base/text.hpp"

namespace moesim {
namespace {

constexpr std::string_view kShaping[] = {
    "expert",   "moe",       "mamba",   "ssm",    "conv",   "linear",     "hybrid", "latent",
    "index",    "compress",  "pattern", "layer",  "head",   "hidden",     "dim",    "d_model",
    "size",     "rank",      "lora",    "mtp",    "nextn",  "predict",    "tie",    "group",
    "interval", "period",    "freq",    "offset", "inter",  "activation", "act_fn", "hidden_act",
    "kv",       "n_",        "num",     "block",  "window", "gate",       "share",  "dense",
    "vocab",    "stream",    "hc_",     "altup",  "laurel", "depth",      "width",  "ngram",
    "attn",     "attention", "mlp",     "ffn",    "expand", "ratio",      "k_",     "topk",
    "top_k",    "qk",        "cla",     "local",  "global"};

// Parts of names that mark what does not change shapes.
constexpr std::string_view kHarmless[] = {"dropout",
                                          "eps",
                                          "token",
                                          "initializer",
                                          "rope",
                                          "rotary",
                                          "max_position",
                                          "position",
                                          "dtype",
                                          "scale",
                                          "scaling",
                                          "multiplier",
                                          "softcap",
                                          "aux",
                                          "loss",
                                          "temperature",
                                          "use_cache",
                                          "cache_implementation",
                                          "pretraining",
                                          "quant",
                                          "vision",
                                          "audio",
                                          "image",
                                          "video",
                                          "version",
                                          "auto_map",
                                          "label",
                                          "theta",
                                          "norm_topk",
                                          "scoring",
                                          "topk_method",
                                          "ep_size",
                                          "implementation",
                                          "use_kernels",
                                          "use_mamba_kernels",
                                          "max_window_layers",
                                          "mrope",
                                          "rotary_factor",
                                          "capacity_factor",
                                          "router_aux",
                                          "router_bias",
                                          "router_dtype",
                                          "router_jitter",
                                          "router_scal",
                                          "router_z",
                                          "router_score",
                                          "router_norm",
                                          "router_logit",
                                          "bias_update",
                                          "beam",
                                          "pruned",
                                          "torchscript",
                                          "finetuning",
                                          "task_spec",
                                          "renormalize",
                                          "correction",
                                          "sinkhorn",
                                          "expert_overlap",
                                          "residual_in",
                                          "rescale",
                                          "precision",
                                          "fp32",
                                          "dt_min",
                                          "dt_max",
                                          "dt_limit",
                                          "dt_init",
                                          "time_step_",
                                          "logits_to_keep",
                                          "yarn",
                                          "_alpha",
                                          "_beta",
                                          "clip",
                                          "swiglu_limit",
                                          "postnorm",
                                          "mup_",
                                          "max_seq",
                                          "min_length",
                                          "max_length",
                                          "encoder_no_repeat",
                                          "no_repeat",
                                          "output_router",
                                          "output_attentions",
                                          "output_hidden",
                                          "return_dict",
                                          "norm_min",
                                          "attention_multiplier",
                                          "is_decoder",
                                          "is_encoder"};

// Whole names of that kind.
constexpr std::string_view kHarmlessNames[] = {"add_full_attention_sink_bias",
                                               "add_swa_attention_sink_bias",
                                               "att_impl_type",
                                               "attention_method",
                                               "attention_type",
                                               "attn_impl",
                                               "attn_scale",
                                               "attn_temperature_tuning",
                                               "chunk_size",
                                               "chunk_size_feed_forward",
                                               "cross_attention_hidden_size",
                                               "group_limited_greedy",
                                               "group_norm_size",
                                               "indexer_rope_interleave",
                                               "lm_head_bias",
                                               "load_balance_coeff",
                                               "mamba_chunk_size",
                                               "mla_scale_kv_lora",
                                               "mla_scale_q_lora",
                                               "mla_use_nope",
                                               "moe_capacity",
                                               "moe_drop_tokens",
                                               "moe_gate",
                                               "moe_layer_num_skipped",
                                               "moe_random_routing_dropped_token",
                                               "moe_renormalize",
                                               "moe_router_activation",
                                               "moe_router_activation_func",
                                               "moe_router_enable_expert_bias",
                                               "moe_router_enable_routed_scaling",
                                               "moe_router_enable_shared_expert",
                                               "moe_router_type",
                                               "moe_use_aux_free",
                                               "mtp_use_dedicated_embeddings",
                                               "multi_modal_projector_bias",
                                               "mup_enabled",
                                               "n_routed_scaling",
                                               "norm_expert_weight",
                                               "norm_head",
                                               "norm_type",
                                               "normalization_function",
                                               "num_beam_groups",
                                               "num_labels",
                                               "num_logits_to_keep",
                                               "num_nextn_predict_layers_loss",
                                               "num_return_sequences",
                                               "org_vocab_size",
                                               "pool_size",
                                               "pretraining_tp",
                                               "qk_norm_type",
                                               "query_pre_attn_scalar",
                                               "rms_norm",
                                               "route_norm",
                                               "route_scale",
                                               "router_type",
                                               "seq_aux",
                                               "shared_moe_mode",
                                               "tie_encoder_decoder",
                                               "typical_p",
                                               "use_bidirectional_attention",
                                               "use_conv_bias",
                                               "use_expert_bias",
                                               "use_flash_attn",
                                               "use_gemma_norm",
                                               "use_grouped_topk",
                                               "use_moe",
                                               "use_moe_router_bias",
                                               "use_rmsnorm",
                                               "use_unified_qk",
                                               "use_xavier_init",
                                               "vocab_size_per_layer_input"};

bool contains_any(std::string_view key, const auto& parts) {
  return std::any_of(std::begin(parts), std::end(parts), [&](std::string_view part) {
    return key.find(part) != std::string_view::npos;
  });
}

// Null, false, 0 and empty values switch a feature off.
bool is_off(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::null) return true;
  if (node.kind == YamlNode::Kind::map) return node.entries.empty();
  if (node.kind == YamlNode::Kind::sequence) return node.items.empty();
  return node.text.empty() || node.text == "false" || node.text == "0";
}

bool same_value(const YamlNode& a, const YamlNode& b) {
  return a.kind == YamlNode::Kind::scalar && b.kind == a.kind && a.text == b.text;
}

std::vector<std::string> listed(HfNames names) { return {names.begin(), names.end()}; }

}  // namespace

bool shapes_model(std::string_view key) {
  return contains_any(key, kShaping) && !contains_any(key, kHarmless) &&
         std::find(std::begin(kHarmlessNames), std::end(kHarmlessNames), key) ==
             std::end(kHarmlessNames);
}

HfConfig::HfConfig(const YamlNode& config, const YamlNode& outer, std::string path,
                   Problems& problems)
    : config_(config), outer_(outer), path_(std::move(path)), problems_(problems) {
  out_.kind = YamlNode::Kind::map;
  out_.place = outer.place;
  out_.origin = outer.origin;
  out_.whole = true;
}

const YamlNode* HfConfig::at(std::string_view name) const {
  const YamlNode* node = &config_;
  while (node && !name.empty()) {
    const size_t dot = name.find('.');
    node = node->find(name.substr(0, dot));
    name = dot == std::string_view::npos ? "" : name.substr(dot + 1);
  }
  return node;
}

const YamlNode* HfConfig::locate(HfNames names) const {
  for (const char* name : names)
    if (const YamlNode* node = at(name); node && node->kind != YamlNode::Kind::null) return node;
  return nullptr;
}

const YamlNode* HfConfig::find(HfNames names) const {
  const YamlNode* found = locate(names);
  for (const char* name : names) {
    const YamlNode* node = at(name);
    // Synonyms may say the same twice; one that says something else stays unread.
    if (node && (node == found || node->kind == YamlNode::Kind::null || same_value(*node, *found)))
      read_.insert(name);
  }
  return found;
}

const YamlNode* HfConfig::scalar(HfNames names) const {
  const YamlNode* node = find(names);
  if (!node || node->kind != YamlNode::Kind::sequence) return node;
  const auto& items = node->items;
  const bool equal = std::all_of(items.begin(), items.end(), [&](const YamlNode& item) {
    return item.kind == YamlNode::Kind::scalar && item.text == items.front().text;
  });
  const auto count = static_cast<int64_t>(items.size());
  if (equal && count > 0 && (layers_ == 0 || count == layers_)) return &items.front();
  const std::string& key = *names.begin();
  if (failed_.insert(key).second)
    problems_.add(node->place, path_,
                  fmt::format("{} differs from layer to layer, or is not one value a layer",
                              join_or(listed(names))));
  return nullptr;
}

std::optional<int64_t> HfConfig::integer(HfNames names) const {
  const YamlNode* node = scalar(names);
  if (!node || node->kind != YamlNode::Kind::scalar || node->quoted) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(node->text.c_str(), &end);
  if (node->text.empty() || *end != '\0' || std::floor(value) != value ||
      std::abs(value) > 2147483647)
    return std::nullopt;
  return static_cast<int64_t>(value);
}

int64_t HfConfig::integer_or(HfNames names, int64_t fallback) const {
  const std::optional<int64_t> value = integer(names);
  return value && *value >= 0 ? *value : fallback;
}

bool HfConfig::flag(HfNames names, bool fallback) const {
  const YamlNode* node = find(names);
  return node ? node->text == "true" : fallback;
}

std::string HfConfig::text(HfNames names) const {
  const YamlNode* node = find(names);
  return node && node->kind == YamlNode::Kind::scalar ? node->text : "";
}

void HfConfig::ignore(HfNames names) const {
  for (const char* name : names) read_.insert(name);
}

// A consequence of a missing key is not worth a second message.
void HfConfig::fail(const YamlNode& at, const std::string& key, const std::string& message) {
  if (failed_.insert(key + message).second) problems_.add(at.place, path_, message);
  out_.incomplete = true;
}

void HfConfig::fail(const std::string& message) { fail(outer_, "", message); }

void HfConfig::fail_missing(HfNames names) {
  fail(fmt::format("this HuggingFace config has no {}", join_or(listed(names))));
}

std::vector<std::string> HfConfig::shaping_keys() const {
  std::vector<std::string> keys;
  for (const YamlNode::Entry& entry : config_.entries)
    if (shapes_model(entry.key) && !is_off(entry.value) && !read_.contains(entry.key))
      keys.push_back(entry.key);
  return keys;
}

void HfConfig::unread(std::string_view family) {
  for (const YamlNode::Entry& entry : config_.entries) {
    if (!shapes_model(entry.key) || is_off(entry.value) || read_.contains(entry.key)) continue;
    const bool descended = std::any_of(read_.begin(), read_.end(), [&](const std::string& name) {
      return name.starts_with(entry.key + ".");
    });
    if (descended) continue;
    problems_.add(entry.key_place, path_,
                  fmt::format("{} may shape the model, and how it does in a {} is not known",
                              entry.key, family));
    out_.incomplete = true;
  }
}

void HfConfig::put(const char* key, const YamlNode& value) {
  for (YamlNode::Entry& entry : out_.entries)
    if (entry.key == key) {
      entry.value = value;
      return;
    }
  out_.entries.push_back({key, value.place, value});
}

void HfConfig::put(const char* key, std::string text, HfNames from) {
  const YamlNode* node = locate(from);
  put(key, make_scalar(std::move(text), node ? *node : outer_));
}

void HfConfig::put(const char* key, int64_t value, HfNames from) {
  put(key, fmt::format("{}", value), from);
}

void HfConfig::put(const char* key, bool value, HfNames from) {
  put(key, std::string(value ? "true" : "false"), from);
}

void HfConfig::put_list(const char* key, const std::vector<std::string>& texts, HfNames from) {
  const YamlNode* node = locate(from);
  const YamlNode& place = node ? *node : outer_;
  YamlNode list = make_scalar("", place);
  list.kind = YamlNode::Kind::sequence;
  for (const std::string& text : texts) list.items.push_back(make_scalar(text, place));
  put(key, list);
}

void HfConfig::copy(const char* key, HfNames names) {
  if (const YamlNode* node = scalar(names)) put(key, *node);
}

void HfConfig::need(const char* key, HfNames names) {
  if (!find(names)) return fail_missing(names);
  if (const YamlNode* node = scalar(names)) {
    put(key, *node);
  } else {
    out_.incomplete = true;
  }
}

bool HfConfig::dense_layers() const {
  if (const YamlNode* ffns = out_.find("ffns"))
    return std::any_of(ffns->items.begin(), ffns->items.end(),
                       [](const YamlNode& item) { return item.text == "dense"; });
  return got("first_dense_layers") > 0 || got("moe_period") > 1;
}

int64_t HfConfig::got(const char* key) const {
  const YamlNode* node = out_.find(key);
  if (!node) return 0;
  const double value = std::strtod(node->text.c_str(), nullptr);
  return std::abs(value) < 1e9 ? static_cast<int64_t>(value) : 0;
}

}  // namespace moesim
