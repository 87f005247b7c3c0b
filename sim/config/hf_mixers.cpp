#include "config/hf_mixers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace moesim {
namespace {

// How many of `count` layers of a list to read: those of the model, and of prediction layers after.
size_t within(const HfConfig& hf, const YamlNode& list) {
  const auto most = static_cast<size_t>(hf.layers() + hf.got("mtp_layers"));
  return std::min(list.items.size(), most);
}

struct TypeName {
  const char* name;
  Mixer mixer;
};
constexpr TypeName kTypeNames[] = {
    {"full_attention", Mixer::attention},
    {"attention", Mixer::attention},
    {"sliding_attention", Mixer::window},
    {"chunked_attention", Mixer::window},
    {"linear_attention", Mixer::linear},
    {"mamba", Mixer::mamba},
    {"conv", Mixer::convolution},
    {"deepseek_sparse_attention", Mixer::sparse},
    {"compressed_sparse_attention", Mixer::compressed_sparse},
    {"heavily_compressed_attention", Mixer::heavily_compressed},
};

// Whether the sizes that such a layer needs were read.
bool has_sizes(const HfConfig& hf, Mixer mixer) {
  switch (mixer) {
    case Mixer::window:
      return hf.got("sliding_window") > 0;
    case Mixer::linear:
      return hf.got("linear_value_heads") > 0;
    case Mixer::mamba:
      return hf.got("mamba_inner") > 0;
    case Mixer::convolution:
      return hf.got("convolution_taps") > 0;
    case Mixer::sparse:
      return hf.got("index_topk") > 0;
    case Mixer::compressed_sparse:
    case Mixer::heavily_compressed:
      return hf.got("compression") > 0;
    default:
      return true;
  }
}

Mixers by_types(HfConfig& hf, const YamlNode& types, const char* key) {
  Mixers mixers;
  if (!covers(hf, types, key)) return mixers;
  for (size_t i = 0; i < within(hf, types); ++i) {
    const std::string& text = types.items[i].text;
    const auto named = [&](const TypeName& type) { return text == type.name; };
    const auto found = std::find_if(std::begin(kTypeNames), std::end(kTypeNames), named);
    if (found == std::end(kTypeNames) || !has_sizes(hf, found->mixer)) {
      hf.fail(types.items[i], key,
              fmt::format("{} names \"{}\", which is not known in a config of this model_type", key,
                          text));
      return {};
    }
    mixers.push_back(found->mixer);
  }
  return mixers;
}

// `other` but for every `period`-th layer (the last of each), which has `full`.
Mixers by_period(const HfConfig& hf, Mixer other, int64_t period) {
  Mixers mixers;
  for (int64_t i = 0; i < hf.layers(); ++i)
    mixers.push_back(period > 0 && (i + 1) % period == 0 ? Mixer::attention : other);
  return mixers;
}

// Layers whose entry in a list of 0 and 1 is 1 have `one`.
Mixers by_flags(HfConfig& hf, HfNames names, Mixer zero, Mixer one) {
  Mixers mixers;
  const YamlNode* list = hf.find(names);
  if (!list || !covers(hf, *list, *names.begin())) return mixers;
  for (size_t i = 0; i < within(hf, *list); ++i)
    mixers.push_back(list->items[i].text == "1" || list->items[i].text == "true" ? one : zero);
  return mixers;
}

Mixers windows(HfConfig& hf, const HfTraits& traits) {
  if (hf.got("sliding_window") == 0) return {};
  const auto period = [&](HfNames names) { return hf.integer_or(names, traits.window_period); };
  switch (traits.window) {
    case HfWindow::none:
      break;
    case HfWindow::all:
      return Mixers(static_cast<size_t>(hf.layers()), Mixer::window);
    case HfWindow::alternate:
      return by_period(hf, Mixer::window, 2);
    case HfWindow::no_rope:
      hf.ignore({"no_rope_layers"});
      return by_period(hf, Mixer::window, hf.integer_or({"no_rope_layer_interval"}, 4));
    case HfWindow::pattern:
      return by_period(hf, Mixer::window, period({"sliding_window_pattern"}));
    case HfWindow::global_every:
      return by_period(hf, Mixer::window, period({"global_attn_every_n_layers"}));
    case HfWindow::hybrid_pattern:
      return by_flags(hf, {"hybrid_layer_pattern"}, Mixer::attention, Mixer::window);
  }
  hf.fail("sliding_window is set, and which layers have it is not known for this model_type");
  return {};
}

Mixers listed_numbers(HfConfig& hf, HfNames full, int64_t first, Mixer other) {
  Mixers mixers(static_cast<size_t>(hf.layers()), other);
  const YamlNode* list = hf.find(full);
  if (!list) {
    hf.fail_missing(full);
    return {};
  }
  for (const YamlNode& item : list->items) {
    const int64_t layer = std::strtoll(item.text.c_str(), nullptr, 10) - first;
    if (layer >= 0 && layer < hf.layers()) mixers[static_cast<size_t>(layer)] = Mixer::attention;
  }
  return mixers;
}

Mixers compressed(HfConfig& hf) {
  const YamlNode* ratios = hf.find({"compress_ratios"});
  Mixers mixers;
  if (!ratios) {
    hf.fail_missing({"compress_ratios", "layer_types"});
    return mixers;
  }
  if (!covers(hf, *ratios, "compress_ratios")) return mixers;
  for (size_t i = 0; i < within(hf, *ratios); ++i) {
    const int64_t ratio = std::strtoll(ratios->items[i].text.c_str(), nullptr, 10);
    if (ratio <= 1) {
      mixers.push_back(Mixer::window);
    } else if (ratio == hf.got("compression")) {
      mixers.push_back(Mixer::compressed_sparse);
    } else if (ratio == hf.got("heavy_compression")) {
      mixers.push_back(Mixer::heavily_compressed);
    } else {
      hf.fail(ratios->items[i], "compress_ratios",
              fmt::format("compress_ratios has {}, which is not known", ratio));
      return {};
    }
  }
  return mixers;
}

// A layer group's last layer, and those after the last whole group, have full attention
// (BailingMoeLinear).
Mixers by_groups(HfConfig& hf) {
  const int64_t size = hf.integer_or({"layer_group_size"}, 0);
  if (size < 1) {
    hf.fail_missing({"layer_group_size", "attn_type_list", "layer_types"});
    return {};
  }
  Mixers mixers = by_period(hf, Mixer::linear, size);
  for (int64_t i = hf.layers() / size * size; i < hf.layers(); ++i)
    mixers[static_cast<size_t>(i)] = Mixer::attention;
  return mixers;
}

Mixers jamba(HfConfig& hf) {
  const int64_t period = hf.integer_or({"attn_layer_period"}, 0);
  const int64_t offset = hf.integer_or({"attn_layer_offset"}, 0);
  if (period < 1) {
    hf.fail_missing({"attn_layer_period"});
    return {};
  }
  Mixers mixers;
  for (int64_t i = 0; i < hf.layers(); ++i)
    mixers.push_back(i % period == offset % period ? Mixer::attention : Mixer::mamba);
  return mixers;
}

}  // namespace

bool covers(HfConfig& hf, const YamlNode& list, const char* key) {
  if (list.kind == YamlNode::Kind::sequence &&
      static_cast<int64_t>(list.items.size()) >= hf.layers())
    return true;
  hf.fail(list, key, fmt::format("{} needs an entry for each of the {} layers", key, hf.layers()));
  return false;
}

Mixers mixers_of(HfConfig& hf, const HfTraits& traits) {
  if (hf.has({"layer_types"})) {
    hf.ignore({"full_attention_interval", "sliding_window_pattern", "no_rope_layer_interval",
               "global_attn_every_n_layers", "no_rope_layers"});
    return by_types(hf, *hf.find({"layer_types"}), "layer_types");
  }
  if (hf.has({"attn_type_list"})) {
    Mixers mixers = by_flags(hf, {"attn_type_list"}, Mixer::linear, Mixer::attention);
    const bool linear = std::find(mixers.begin(), mixers.end(), Mixer::linear) != mixers.end();
    if (linear && !has_sizes(hf, Mixer::linear))
      hf.fail(*hf.find({"attn_type_list"}), "attn_type_list",
              "attn_type_list has layers of linear attention, which this model_type has not");
    return mixers;
  }
  switch (traits.layout) {
    case HfLayout::delta:
      return by_period(hf, Mixer::linear, hf.integer_or({"full_attention_interval"}, 4));
    case HfLayout::jamba:
      return jamba(hf);
    case HfLayout::compressed:
      return compressed(hf);
    case HfLayout::short_conv:
      return listed_numbers(hf, {"full_attn_idxs"}, 0, Mixer::convolution);
    case HfLayout::kimi_linear:
      return listed_numbers(hf, {"linear_attn_config.full_attn_layers"}, 1, Mixer::linear);
    case HfLayout::lightning:
      return by_groups(hf);
    default:
      return windows(hf, traits);
  }
}

}  // namespace moesim
