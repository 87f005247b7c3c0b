// A YAML document as a tree in which every value knows where it stands. Built from yaml-cpp's
// events rather than its nodes, because those forget key places, duplicate keys and quotes. JSON is
// read by the same parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"

namespace moesim {

struct YamlNode {
  enum class Kind { null, scalar, sequence, map };
  struct Entry;

  Kind kind = Kind::null;
  Place place;
  std::string origin;  // for a reader of `moesim check`: "scenario.yaml:12", "--set plan.ep=16"

  std::string text;             // scalar
  bool quoted = false;          // scalar
  std::vector<YamlNode> items;  // sequence
  std::vector<Entry> entries;   // map: in file order, keys are unique

  // Map: a part could not be read and was reported; what is missing here is no further problem.
  bool incomplete = false;
  // Map: came from a preset, so it replaces what it overrides instead of merging with it.
  bool whole = false;
  // Stands in a preset of a workload, platform or device; a framework's profile may replace it.
  bool preset = false;

  const YamlNode* find(std::string_view key) const;  // null when absent or not a map
  YamlNode* find(std::string_view key);
};

struct YamlNode::Entry {
  std::string key;
  Place key_place;
  YamlNode value;
};

inline constexpr int kMaxYamlDepth = 32;
inline constexpr size_t kMaxYamlNodes = 100'000;  // aliases counted as what they stand for

struct YamlSource {
  std::string file;   // as error messages should name it
  std::string label;  // as origins should name it; empty: like `file`
  std::string path;   // key path of the document's root, e.g. "platform.device"
  bool lines = true;  // false for one-line texts that are not files (--set)
};

// The one document in `text`. Every problem (syntax, duplicate or non-scalar keys, merge keys,
// tags, several documents, bytes that are no text, absurd nesting or size) is added to `problems`;
// after a syntax error the result is an empty map marked incomplete.
YamlNode parse_yaml(const std::string& text, const YamlSource& source, Problems& problems);

// "over" on top of "base": maps merge key by key, anything else replaces. A map holding the key
// `value` is one value with its source beside it, so it replaces too.
YamlNode merge(YamlNode base, YamlNode over);

YamlNode make_scalar(std::string text, const YamlNode& from);
// Stands for what could not be read; replaces what it should have replaced.
YamlNode make_incomplete_map(const Place& place);
// Returns text of any content as a double-quoted scalar.
std::string quoted_yaml(std::string_view text);
// "a list", "a map", "nothing", or the text in quotes: for "expected ..., got ...".
std::string describe(const YamlNode& node);

}  // namespace moesim
