// One HuggingFace config as a set of keys, of which those that were read are remembered: what is
// left over and could shape the model is an error. Knows synonyms and forms of values (numbers with
// a fraction, lists of one value a layer), but no families.
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"
#include "config/tree.hpp"

namespace moesim {

using HfNames = std::initializer_list<const char*>;

class HfConfig {
 public:
  // `outer`: the config that `config` is nested in, or the same.
  HfConfig(const YamlNode& config, const YamlNode& outer, std::string path, Problems& problems);

  // The first of the names (dots descend into maps) that is present and not null, which counts as
  // read from then on.
  const YamlNode* find(HfNames names) const;
  // The same, but it does not count as read.
  const YamlNode* locate(HfNames names) const;
  bool has(HfNames names) const { return find(names) != nullptr; }
  // A scalar, or a list of equal scalars, one per layer; nothing, and a problem, for other lists.
  const YamlNode* scalar(HfNames names) const;
  std::optional<int64_t> integer(HfNames names) const;
  // Where the key is missing or not a whole number from 0 to 2^31-1: the fallback.
  int64_t integer_or(HfNames names, int64_t fallback) const;
  bool flag(HfNames names, bool fallback) const;
  std::string text(HfNames names) const;
  void ignore(HfNames names) const;  // present, but without a meaning here

  void fail(const YamlNode& at, const std::string& key, const std::string& message);
  void fail(const std::string& message);
  void fail_missing(HfNames names);
  void unread(std::string_view family);  // reports keys that shape the model and were not read
  std::vector<std::string> shaping_keys() const;  // not read so far

  // The keys of a workload.
  void put(const char* key, const YamlNode& value);
  void put(const char* key, std::string text, HfNames from);
  void put(const char* key, int64_t value, HfNames from);
  void put(const char* key, bool value, HfNames from);
  void put_list(const char* key, const std::vector<std::string>& texts, HfNames from);
  void copy(const char* key, HfNames names);
  void need(const char* key, HfNames names);
  // Returns what a workload key holds so far; 0 without it.
  int64_t got(const char* key) const;

  // Whether a layer of the workload so far has no experts.
  bool dense_layers() const;

  int64_t layers() const { return layers_; }
  void set_layers(int64_t layers) { layers_ = layers; }
  const YamlNode& config() const { return config_; }
  const YamlNode& outer() const { return outer_; }
  YamlNode take() { return std::move(out_); }

 private:
  const YamlNode* at(std::string_view name) const;

  const YamlNode& config_;
  const YamlNode& outer_;
  std::string path_;
  Problems& problems_;
  YamlNode out_;
  int64_t layers_ = 0;
  mutable std::set<std::string> read_;
  mutable std::set<std::string> failed_;
};

// Whether a key of this name may shape a model: it speaks of layers, widths, heads, experts, states
// or their like, and not of initialisation, tokens, losses, caches or other modalities.
bool shapes_model(std::string_view key);

}  // namespace moesim
