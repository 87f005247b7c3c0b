#include "config/huggingface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <vector>

#include "base/text.hpp"

namespace moesim {
namespace {

using Names = std::initializer_list<const char*>;

constexpr int64_t kMaxLayers = 10'000;  // as ModelShape::layers; only bounds the loops here

// Reads one config by synonyms and collects the keys of the workload.
class Importer {
 public:
  Importer(const YamlNode& config, std::string path, Problems& problems)
      : config_(config), path_(std::move(path)), problems_(problems) {
    out_.kind = YamlNode::Kind::map;
    out_.place = config.place;
    out_.origin = config.origin;
    out_.whole = true;
  }

  // The first of the names (dots descend into maps) that is present and not null.
  const YamlNode* find(Names names) const {
    for (const char* name : names) {
      const YamlNode* node = &config_;
      for (std::string_view rest = name; node && !rest.empty();) {
        const size_t dot = rest.find('.');
        node = node->find(rest.substr(0, dot));
        rest = dot == std::string_view::npos ? "" : rest.substr(dot + 1);
      }
      if (node && node->kind != YamlNode::Kind::null) return node;
    }
    return nullptr;
  }

  std::optional<int64_t> integer(Names names) const {
    const YamlNode* node = find(names);
    if (!node || node->kind != YamlNode::Kind::scalar) return std::nullopt;
    int64_t value = 0;
    const char* end = node->text.data() + node->text.size();
    const auto result = std::from_chars(node->text.data(), end, value);
    if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
    return value;
  }
  bool flag(Names names, bool fallback) const {
    const YamlNode* node = find(names);
    return node ? node->text == "true" : fallback;
  }
  std::string text(Names names) const {
    const YamlNode* node = find(names);
    return node && node->kind == YamlNode::Kind::scalar ? node->text : "";
  }

  void put(const char* key, const YamlNode& value) {
    out_.entries.push_back({key, value.place, value});
  }
  void put(const char* key, std::string text, const YamlNode& from) {
    put(key, make_scalar(std::move(text), from));
  }
  void put(const char* key, int64_t value, Names from) {
    const YamlNode* node = find(from);
    put(key, fmt::format("{}", value), node ? *node : config_);
  }
  void put(const char* key, bool value, Names from) {
    const YamlNode* node = find(from);
    put(key, value ? "true" : "false", node ? *node : config_);
  }
  void copy(const char* key, Names names) {
    if (const YamlNode* node = find(names)) put(key, *node);
  }
  void need(const char* key, Names names) {
    if (const YamlNode* node = find(names)) return put(key, *node);
    std::vector<std::string> synonyms;
    for (const char* name : names) synonyms.emplace_back(name);
    fail(fmt::format("this HuggingFace config has no {}", join_or(synonyms)));
  }
  // A consequence of a missing key is not worth a second message.
  void fail(const std::string& message) {
    problems_.add(config_.place, path_, message);
    out_.incomplete = true;
  }

  const YamlNode& config() const { return config_; }
  YamlNode take() { return std::move(out_); }

 private:
  const YamlNode& config_;
  std::string path_;
  Problems& problems_;
  YamlNode out_;
};

constexpr Names kLayers = {"num_hidden_layers", "n_layer", "n_layers", "num_layers"};
constexpr Names kHidden = {"hidden_size", "n_embd", "d_model"};
constexpr Names kHeads = {"num_attention_heads", "n_head", "n_heads"};
constexpr Names kKvHeads = {"num_key_value_heads", "n_kv_heads", "attn_config.kv_n_heads"};
constexpr Names kExperts = {"n_routed_experts", "num_experts", "num_local_experts",
                            "ffn_config.moe_num_experts"};
constexpr Names kTopK = {"num_experts_per_tok", "num_experts_per_token", "moe_topk",
                         "ffn_config.moe_top_k"};
constexpr Names kExpertFfn = {"moe_intermediate_size", "expert_ffn_hidden_size",
                              "intermediate_size", "ffn_config.ffn_hidden_size"};
constexpr Names kDenseFfn = {"intermediate_size_mlp", "intermediate_size", "n_inner", "ffn_dim"};

bool is_type(const Importer& in, std::string_view prefix) {
  return in.text({"model_type"}).starts_with(prefix);
}

// Position of full-attention layers from `layer_types`, as the period that ModelShape knows.
void put_window_period(Importer& in, const YamlNode& types) {
  const auto full = [&](size_t i) { return types.items[i].text == "full_attention"; };
  const size_t count = types.items.size();
  size_t period = 1;
  while (period <= count && !full(period - 1)) ++period;
  if (period > count) return in.put("sliding_window_period", "0", types);
  for (size_t i = 0; i < count; ++i)
    if (full(i) != ((i + 1) % period == 0))
      return in.fail(
          "layer_types is not periodic: the last layer of every so many should be full_attention");
  in.put("sliding_window_period", fmt::format("{}", period), types);
}

void put_window(Importer& in) {
  const Names window = {"sliding_window", "attention_chunk_size"};
  const YamlNode* types = in.find({"layer_types"});
  const auto is_full = [](const YamlNode& type) { return type.text == "full_attention"; };
  const bool all_full = types && std::all_of(types->items.begin(), types->items.end(), is_full);
  if (!in.find(window) || !in.flag({"use_sliding_window"}, true) ||
      (all_full && !types->items.empty()))
    return;
  in.copy("sliding_window", window);
  if (types && types->kind == YamlNode::Kind::sequence && !types->items.empty())
    return put_window_period(in, *types);
  if (is_type(in, "gpt_oss")) {
    in.put("sliding_window_period", int64_t{2}, window);
  } else if (is_type(in, "llama4")) {
    in.put("sliding_window_period", in.integer({"no_rope_layer_interval"}).value_or(4), window);
  } else {
    in.put("sliding_window_period", int64_t{0}, window);  // in every layer
  }
}

void put_linear_attention(Importer& in) {
  if (!in.find({"linear_num_value_heads"})) return;
  in.put("linear_attention_period", in.integer({"full_attention_interval"}).value_or(4),
         {"full_attention_interval"});
  in.copy("linear_key_heads", {"linear_num_key_heads"});
  in.copy("linear_value_heads", {"linear_num_value_heads"});
  in.copy("linear_head_dim", {"linear_value_head_dim", "linear_key_head_dim"});
  in.put("attention_gate", true, {"linear_num_value_heads"});
}

void put_attention(Importer& in) {
  in.need("heads", kHeads);
  if (in.find({"kv_lora_rank"})) {
    in.put("attention", "mla", *in.find({"kv_lora_rank"}));
    in.copy("q_lora_rank", {"q_lora_rank"});  // null: no latent
    in.copy("kv_lora_rank", {"kv_lora_rank"});
    in.need("qk_nope_dim", {"qk_nope_head_dim"});
    in.need("qk_rope_dim", {"qk_rope_head_dim"});
    in.need("v_dim", {"v_head_dim"});
  } else {
    in.copy("kv_heads", in.find(kKvHeads) ? kKvHeads : kHeads);
    const int64_t heads = in.integer(kHeads).value_or(0), hidden = in.integer(kHidden).value_or(0);
    if (in.find({"head_dim"})) {
      in.copy("head_dim", {"head_dim"});
    } else if (heads > 0) {
      in.put("head_dim", hidden / heads, kHidden);
    }
  }
  // Families whose modelling code has these without a key in the config.
  const bool norms = is_type(in, "qwen3") || is_type(in, "olmoe");
  if (in.flag({"use_qk_norm"}, norms)) in.put("qk_norm", true, {"use_qk_norm", "model_type"});
  const Names bias = {"attention_bias", "qkv_bias"};
  if (in.flag(bias, is_type(in, "qwen2"))) in.put("attention_bias", true, bias);
  put_window(in);
  put_linear_attention(in);
}

// Marks the layers whose numbers a list holds.
std::vector<bool> listed(const YamlNode* list, size_t layers) {
  std::vector<bool> marked(layers, false);
  if (!list) return marked;
  for (const YamlNode& item : list->items) {
    size_t layer = layers;
    std::from_chars(item.text.data(), item.text.data() + item.text.size(), layer);
    if (layer < layers) marked[layer] = true;
  }
  return marked;
}

// Which layers have experts, by the rule of the family; empty when a number in it is unusable.
std::vector<bool> expert_layers(const Importer& in) {
  const int64_t layers = in.integer(kLayers).value_or(0);
  const int64_t first = in.integer({"first_k_dense_replace"}).value_or(0);
  const int64_t step = in.integer({"decoder_sparse_step", "interleave_moe_layer_step"}).value_or(1);
  const int64_t every = in.integer({"moe_layer_freq"}).value_or(1);
  if (layers < 1 || layers > kMaxLayers || step < 1 || every < 1) return {};
  const auto count = static_cast<size_t>(layers);
  const YamlNode* moe = in.find({"moe_layers"});          // Llama-4: the layers with experts
  const YamlNode* pattern = in.find({"moe_layer_freq"});  // a number, or one 0 or 1 per layer
  const std::vector<bool> with = listed(moe, count);
  const std::vector<bool> without = listed(in.find({"mlp_only_layers"}), count);  // Qwen
  std::vector<bool> has(count);
  for (int64_t i = 0; i < layers; ++i) {
    const auto at = static_cast<size_t>(i);
    has[at] = i >= first && i % every == 0 && (i + 1) % step == 0;
    if (pattern && at < pattern->items.size()) has[at] = pattern->items[at].text == "1";
    if (moe && !moe->items.empty()) has[at] = with[at];
    if (without[at]) has[at] = false;
  }
  return has;
}

// first_dense_layers and moe_period that give this pattern.
void put_expert_layers(Importer& in, const std::vector<bool>& has) {
  const auto count = static_cast<int64_t>(has.size());
  const auto next = [&](int64_t from) {
    return std::find(has.begin() + from, has.end(), true) - has.begin();
  };
  const int64_t one = next(0);
  if (one == count) return in.fail("no layer has experts, although the config names some");
  const int64_t two = next(one + 1);
  const int64_t period = two == count ? 1 : two - one;
  const int64_t first = one - (period - 1);
  bool fits = first >= 0 && (two < count || one == count - 1);
  for (int64_t i = 0; fits && i < count; ++i)
    fits = has[static_cast<size_t>(i)] == (i >= first && (i - first + 1) % period == 0);
  if (!fits)
    return in.fail(
        "the layers with experts do not follow a period (first_dense_layers, moe_period)");
  const Names from = {"first_k_dense_replace", "decoder_sparse_step", "interleave_moe_layer_step",
                      "moe_layers"};
  in.put("first_dense_layers", first, from);
  in.put("moe_period", period, from);
}

void put_shared_experts(Importer& in) {
  const Names width = {"shared_expert_intermediate_size"},
              number = {"n_shared_experts", "num_shared_experts"};
  if (in.find(width)) {  // Qwen
    in.put("shared_experts", int64_t{1}, width);
    in.copy("shared_ffn", width);
    in.put("shared_gate", true, width);
  } else if (is_type(in, "llama4")) {
    in.put("shared_experts", int64_t{1}, {"intermediate_size"});
    in.copy("shared_ffn", {"intermediate_size"});
  } else if (const std::optional<int64_t> count = in.integer(number); count && *count > 0) {
    const int64_t one = in.integer(kExpertFfn).value_or(0);
    in.copy("shared_experts", number);
    if (*count <= 65'536 && one > 0 && one <= 1'048'576) in.put("shared_ffn", *count * one, number);
  }
}

void put_experts(Importer& in) {
  in.copy("experts", kExperts);
  in.need("top_k", kTopK);
  in.need("moe_ffn", kExpertFfn);
  if (is_type(in, "gpt_oss")) in.put("expert_bias", true, kExperts);
  in.copy("n_group", {"n_group"});
  in.copy("topk_group", {"topk_group"});
  put_shared_experts(in);
  const std::vector<bool> has = expert_layers(in);
  if (has.empty()) return;
  put_expert_layers(in, has);
  if (std::find(has.begin(), has.end(), false) != has.end()) in.need("dense_ffn", kDenseFfn);
}

}  // namespace

bool is_huggingface(const YamlNode& node) {
  return node.find("model_type") || node.find("architectures");
}

YamlNode from_huggingface(const YamlNode& config, const std::string& path, Problems& problems) {
  // Multi-modal configs (Llama-4, Kimi-VL) nest the language model.
  const YamlNode* text = config.find("text_config");
  Importer in(text && text->kind == YamlNode::Kind::map ? *text : config, path, problems);
  if (const YamlNode* name = config.find("name")) {
    in.put("name", *name);
  } else if (const YamlNode* type = config.find("model_type")) {
    in.put("name", *type);
  }
  in.need("layers", kLayers);
  in.need("hidden", kHidden);
  in.need("vocab", {"vocab_size"});
  in.copy("tied_embeddings", {"tie_word_embeddings"});
  put_attention(in);
  if (in.find(kExperts) && in.integer(kExperts) != 0) {
    put_experts(in);
  } else {
    in.need("dense_ffn", kDenseFfn);
  }
  in.copy("mtp_layers", {"num_nextn_predict_layers"});
  return in.take();
}

}  // namespace moesim
