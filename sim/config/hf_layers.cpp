#include "config/hf_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/hf_mixers.hpp"

namespace moesim {
namespace {

using Ffns = std::vector<Ffn>;

// Marks the layers whose numbers a list, or a text with commas, holds.
std::vector<bool> listed(const YamlNode* list, size_t layers) {
  std::vector<bool> marked(layers, false);
  if (!list) return marked;
  const auto mark = [&](std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    size_t layer = layers;
    std::from_chars(text.data(), text.data() + text.size(), layer);
    if (layer < layers) marked[layer] = true;
  };
  for (const YamlNode& item : list->items) mark(item.text);
  for (std::string_view rest = list->text; !rest.empty();) {
    const size_t comma = rest.find(',');
    mark(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return marked;
}

// From `start` to `end` (both within), every `interval`-th counted from layer 0.
struct ExpertRange {
  int64_t start = 0, end = 0, interval = 1, remainder = 0;
};

ExpertRange expert_range(const HfConfig& hf) {
  ExpertRange range;
  range.start =
      hf.integer_or({"first_k_dense_replace", "num_dense_layers", "moe_layer_start_index"}, 0);
  const std::optional<int64_t> end = hf.integer({"moe_layer_end_index"});
  range.end = end && *end >= 0 ? *end : hf.layers() - 1;
  range.interval =
      hf.integer_or({"decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_interval"}, 1);
  range.remainder = range.interval - 1;
  const YamlNode* every = hf.find({"moe_layer_freq"});
  if (every && every->kind == YamlNode::Kind::scalar) {
    range.interval = std::max<int64_t>(1, hf.integer_or({"moe_layer_freq"}, 1));
    range.remainder = 0;
  }
  if (const int64_t period = hf.integer_or({"expert_layer_period"}, 0); period > 0) {
    range.interval = period;
    range.remainder = hf.integer_or({"expert_layer_offset"}, 0) % period;
  }
  return range;
}

Ffns ffns_of(HfConfig& hf, bool experts) {
  const auto count = static_cast<size_t>(hf.layers());
  if (!experts) return Ffns(count, Ffn::dense);
  const ExpertRange range = expert_range(hf);
  const YamlNode* kinds = hf.find({"mlp_layer_types"});   // dense or sparse, layer by layer
  const YamlNode* pattern = hf.find({"moe_layer_freq"});  // a number, or a flag per layer
  const YamlNode* numbers = hf.find({"moe_layers", "moe_layers_enum"});
  const bool only = numbers && (!numbers->items.empty() || !numbers->text.empty());
  if (kinds && !covers(hf, *kinds, "mlp_layer_types")) return {};
  if (pattern && pattern->kind == YamlNode::Kind::sequence &&
      !covers(hf, *pattern, "moe_layer_freq"))
    return {};
  const std::vector<bool> with = listed(numbers, count + static_cast<size_t>(hf.got("mtp_layers")));
  const std::vector<bool> without = listed(hf.find({"mlp_only_layers"}), count);
  // A list of numbers speaks of prediction layers too.
  const int64_t mtp = only ? hf.got("mtp_layers") : 0;
  Ffns ffns;
  for (int64_t i = 0; i < hf.layers() + mtp; ++i) {
    const auto at = static_cast<size_t>(i);
    bool has = i >= range.start && i <= range.end && range.interval > 0 &&
               i % range.interval == range.remainder;
    if (pattern && at < pattern->items.size())
      has = pattern->items[at].text == "1" || pattern->items[at].text == "true";
    if (only) has = with[at];
    if (kinds && at < kinds->items.size()) has = kinds->items[at].text != "dense";
    ffns.push_back(has && !(at < count && without[at]) ? Ffn::experts : Ffn::dense);
  }
  return ffns;
}

// True for layers that a key for a period describes: `last` in the last of every `period` layers
// from `first` on, and `other` elsewhere.
template <class Kind>
bool follows(const std::vector<Kind>& kinds, Kind other, Kind last, int64_t first, int64_t period) {
  for (int64_t i = 0; i < static_cast<int64_t>(kinds.size()); ++i) {
    const bool closes = period > 0 && i >= first && (i - first + 1) % period == 0;
    if (kinds[static_cast<size_t>(i)] != (closes ? last : other)) return false;
  }
  return true;
}

// Layers up to the first with `kind`.
template <class Kind>
int64_t first_of(const std::vector<Kind>& kinds, Kind kind, int64_t from = 0) {
  return std::find(kinds.begin() + from, kinds.end(), kind) - kinds.begin();
}

template <class Kind>
void put_kinds(HfConfig& hf, const char* key, const std::vector<Kind>& kinds, HfNames from) {
  std::vector<std::string> texts;
  for (const Kind kind : kinds) texts.emplace_back(spelling(kind));
  hf.put_list(key, texts, from);
}

void put_mixers(HfConfig& hf, const Mixers& mixers) {
  const HfNames from = {"layer_types",    "hybrid_layer_pattern", "compress_ratios",
                        "attn_type_list", "sliding_window",       "full_attention_interval"};
  const auto all = [&](Mixer kind) {
    return std::all_of(mixers.begin(), mixers.end(), [&](Mixer m) { return m == kind; });
  };
  const bool sparse = hf.got("index_topk") > 0;
  if (mixers.empty() || all(sparse ? Mixer::sparse : Mixer::attention)) {
    hf.put("sliding_window", int64_t{0}, from);
    return;
  }
  const int64_t period = first_of(mixers, Mixer::attention) + 1;
  const bool closes = period <= static_cast<int64_t>(mixers.size());
  if (!sparse && follows(mixers, Mixer::window, Mixer::attention, 0, closes ? period : 0))
    return hf.put("sliding_window_period", closes ? period : 0, from);
  if (closes && follows(mixers, Mixer::linear, Mixer::attention, 0, period)) {
    hf.put("sliding_window", int64_t{0}, from);
    return hf.put("linear_attention_period", period, from);
  }
  put_kinds(hf, "mixers", mixers, from);
}

void put_ffns(HfConfig& hf, const Ffns& ffns, bool experts) {
  if (!experts || ffns.empty()) return;
  const HfNames from = {"first_k_dense_replace", "decoder_sparse_step", "interleave_moe_layer_step",
                        "moe_layers", "moe_layer_freq"};
  const auto count = static_cast<int64_t>(ffns.size());
  const int64_t one = first_of(ffns, Ffn::experts);
  if (one == count) return hf.fail("no layer has experts, although the config names some");
  const int64_t two = first_of(ffns, Ffn::experts, one + 1);
  const int64_t period = two == count ? 1 : two - one;
  const int64_t first = one - (period - 1);
  if (first >= 0 && follows(ffns, Ffn::dense, Ffn::experts, first, period)) {
    hf.put("first_dense_layers", first, from);
    return hf.put("moe_period", period, from);
  }
  put_kinds(hf, "ffns", ffns, from);
}

// One block of a pattern: 'M' Mamba, '*' attention, 'E' experts, '-' dense.
struct Pairs {
  Mixers mixers;
  Ffns ffns;

  void add(char block) {
    const bool mixes = block == 'M' || block == '*';
    if (mixes) {
      mixers.push_back(block == 'M' ? Mixer::mamba : Mixer::attention);
      ffns.push_back(Ffn::none);
      return;
    }
    if (ffns.empty() || ffns.back() != Ffn::none || mixers.back() == Mixer::none) {
      mixers.push_back(Mixer::none);
      ffns.push_back(Ffn::none);
    }
    ffns.back() = block == 'E' ? Ffn::experts : Ffn::dense;
  }
};

std::string pattern_of(HfConfig& hf, HfNames text, HfNames list) {
  if (const YamlNode* types = hf.find(list); types && !types->items.empty()) {
    std::string pattern;
    for (const YamlNode& item : types->items) {
      const std::string& type = item.text;
      pattern += type == "mamba" || type == "linear_attention"     ? 'M'
                 : type == "attention" || type == "full_attention" ? '*'
                 : type == "moe"                                   ? 'E'
                 : type == "mlp"                                   ? '-'
                                                                   : '?';
    }
    return pattern;
  }
  return hf.text(text);
}

// Blocks that follow one another become layers of a mixer and what is after it, as elsewhere.
void put_pattern(HfConfig& hf) {
  const HfNames text = {"hybrid_override_pattern"};
  const std::string pattern = pattern_of(hf, text, {"layers_block_type", "layer_types"});
  if (pattern.empty()) return hf.fail_missing({"hybrid_override_pattern", "layers_block_type"});
  if (pattern.find_first_not_of("ME*-") != std::string::npos)
    return hf.fail(
        *hf.find({"hybrid_override_pattern", "layers_block_type", "layer_types"}), *text.begin(),
        fmt::format("hybrid_override_pattern \"{}\" has blocks other than M, E, * and -", pattern));
  if (hf.layers() > 0 && static_cast<int64_t>(pattern.size()) != hf.layers())
    return hf.fail(fmt::format("the pattern has {} blocks for num_hidden_layers = {}",
                               pattern.size(), hf.layers()));
  Pairs pairs;
  for (const char block : pattern) pairs.add(block);
  const auto layers = static_cast<int64_t>(pairs.mixers.size());
  const std::string after =
      pattern_of(hf, {"mtp_hybrid_override_pattern"}, {"mtp_layers_block_type"});
  if (hf.got("mtp_layers") > 0) {
    Pairs one;
    for (const char block : after.empty() ? "*E" : after) one.add(block);
    if (one.mixers.size() != 1)
      return hf.fail("multi-token prediction of several layers each is not known");
    for (int64_t i = 0; i < hf.got("mtp_layers"); ++i) {
      pairs.mixers.push_back(one.mixers[0]);
      pairs.ffns.push_back(one.ffns[0]);
    }
  }
  hf.set_layers(layers);
  hf.put("layers", layers, text);
  put_kinds(hf, "mixers", pairs.mixers, text);
  put_kinds(hf, "ffns", pairs.ffns, text);
}

// Each published layer is two: one with experts beside its dense FFN, which is then a shared
// expert, and one with the dense FFN alone.
void put_two_attentions(HfConfig& hf) {
  hf.put("layers", 2 * hf.layers(), {"num_layers"});
  Ffns ffns;
  for (int64_t i = 0; i < hf.layers(); ++i) {
    ffns.push_back(Ffn::experts);
    ffns.push_back(Ffn::dense);
  }
  put_kinds(hf, "ffns", ffns, {"num_layers"});
  hf.put("shared_experts", int64_t{1}, {"ffn_hidden_size"});
  hf.copy("shared_ffn", {"ffn_hidden_size"});
}

}  // namespace

void put_layers(HfConfig& hf, const HfTraits& traits, bool experts) {
  if (traits.layout == HfLayout::nemotron) return put_pattern(hf);
  if (traits.layout == HfLayout::two_attention) return put_two_attentions(hf);
  if (hf.layers() < 1) return;
  put_mixers(hf, mixers_of(hf, traits));
  put_ffns(hf, ffns_of(hf, experts), experts);
}

}  // namespace moesim
