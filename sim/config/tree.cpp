#include "config/tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "base/text.hpp"

namespace moesim {
namespace {

// Thrown out of the parser, whose recursion follows the nesting of the input, to stop it.
struct StopParsing {};

size_t count_nodes(const YamlNode& node) {
  size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  for (const YamlNode::Entry& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const YamlSource& source, Problems& problems)
      : source_(source), problems_(problems) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    put(start(mark, "", YamlNode::Kind::null), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = start(mark, tag, YamlNode::Kind::scalar);
    node.text = value;
    node.quoted = tag == "!";
    put(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    YamlNode node = start(mark, "", YamlNode::Kind::null);
    if (found == anchored_.end()) {
      problems_.add(node.place, path(), "an alias cannot refer to what it stands in");
    } else {
      const Place place = node.place;
      node = found->second;
      node.place = place;
      count(count_nodes(node), place);
    }
    put(std::move(node), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(start(mark, tag, YamlNode::Kind::sequence), anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(start(mark, tag, YamlNode::Kind::map), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Key {
    std::string text;
    Place place;
    bool usable = true;
  };
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::optional<Key> key;           // map: read, its value is next
    std::map<std::string, int> seen;  // map: line of each key
  };

  YamlNode start(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.place = {source_.file, source_.lines ? mark.line + 1 : 0,
                  source_.lines ? mark.column + 1 : 0};
    const std::string& label = source_.label.empty() ? source_.file : source_.label;
    node.origin = source_.lines ? fmt::format("{}:{}", label, node.place.line) : label;
    count(1, node.place);
    if (tag.size() > 1)
      problems_.add(node.place, path(), fmt::format("YAML tags (\"{}\") are not supported", tag));
    return node;
  }

  void count(size_t nodes, const Place& place) {
    count_ += nodes;
    if (count_ <= kMaxYamlNodes) return;
    problems_.add(place, path(), fmt::format("holds more than {} values", kMaxYamlNodes));
    throw StopParsing{};
  }

  void open(YamlNode node, YAML::anchor_t anchor) {
    if (open_.size() >= static_cast<size_t>(kMaxYamlDepth)) {
      problems_.add(node.place, path(),
                    fmt::format("is nested more than {} levels deep", kMaxYamlDepth));
      throw StopParsing{};
    }
    open_.push_back({std::move(node), anchor, {}, {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    put(std::move(done.node), done.anchor);
  }

  void put(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchored_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = take_key(node);
    } else {
      if (node.kind == YamlNode::Kind::null)
        node.place = parent.key->place;  // it has no text of its own
      if (parent.key->usable)
        parent.node.entries.push_back(
            {std::move(parent.key->text), std::move(parent.key->place), std::move(node)});
      parent.key.reset();
    }
  }

  Key take_key(const YamlNode& node) {
    Key key{node.text, node.place, false};
    if (node.kind != YamlNode::Kind::scalar) {
      problems_.add(node.place, path(),
                    fmt::format("a key must be a name, got {}", describe(node)));
    } else if (const auto [first, fresh] = open_.back().seen.emplace(node.text, node.place.line);
               !fresh) {
      const std::string where =
          source_.lines ? fmt::format(" (first in line {})", first->second) : "";
      problems_.add(node.place, join_path(path(), node.text), "is given twice" + where);
    } else if (node.text == "<<" && !node.quoted) {
      problems_.add(node.place, path(), "merge keys (<<) are not supported; use base");
    } else {
      key.usable = true;
    }
    return key;
  }

  std::string path() const {
    std::string text = source_.path;
    for (const Open& open : open_)
      if (open.key) text = join_path(text, open.key->text);
    return text;
  }

  const YamlSource& source_;
  Problems& problems_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchored_;
  YamlNode root_;
  size_t count_ = 0;
};

YamlNode parse_checked(const std::string& text, const YamlSource& source, Problems& problems) {
  const Place file{source.file, 0, 0};
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  TreeBuilder builder(source, problems);
  if (!parser.HandleNextDocument(builder)) {
    problems.add(file, source.path, "is empty");
    return make_incomplete_map(file);
  }
  YamlNode root = builder.take_root();
  Problems ignored;
  TreeBuilder rest(source, ignored);
  if (parser.HandleNextDocument(rest))
    problems.add(file, source.path, "holds more than one YAML document");
  if (root.kind == YamlNode::Kind::null && source.lines) {
    problems.add(file, source.path, "is empty");
    return make_incomplete_map(file);
  }
  return root;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(static_cast<const YamlNode*>(this)->find(key));
}

YamlNode parse_yaml(const std::string& text, const YamlSource& source, Problems& problems) {
  const Place file{source.file, 0, 0};
  if (const TextFault fault = find_text_fault(text); !fault.what.empty()) {
    problems.add({source.file, source.lines ? fault.line : 0, source.lines ? fault.column : 0},
                 source.path, fault.what + "; is this a binary file?");
    return make_incomplete_map(file);
  }
  try {
    return parse_checked(text, source, problems);
  } catch (const StopParsing&) {
    // already reported
  } catch (const YAML::Exception& error) {
    const bool known = source.lines && !error.mark.is_null();
    problems.add({source.file, known ? error.mark.line + 1 : 0, known ? error.mark.column + 1 : 0},
                 source.path, "YAML syntax: " + error.msg);
  }
  return make_incomplete_map(file);
}

YamlNode merge(YamlNode base, YamlNode over) {
  const bool both_maps = base.kind == YamlNode::Kind::map && over.kind == YamlNode::Kind::map;
  if (!both_maps || over.whole || base.find("value") || over.find("value")) return over;
  for (YamlNode::Entry& entry : over.entries) {
    if (YamlNode* below = base.find(entry.key)) {
      *below = merge(std::move(*below), std::move(entry.value));
      for (YamlNode::Entry& kept : base.entries)
        if (kept.key == entry.key) kept.key_place = entry.key_place;
    } else {
      base.entries.push_back(std::move(entry));
    }
  }
  // A key that the sum lacks is reported where the user would add it: in the overriding file.
  if (over.place.line > 0) base.place = over.place;
  base.incomplete = base.incomplete || over.incomplete;
  return base;
}

YamlNode make_scalar(std::string text, const YamlNode& from) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.place = from.place;
  node.origin = from.origin;
  node.text = std::move(text);
  return node;
}

YamlNode make_incomplete_map(const Place& place) {
  YamlNode node;
  node.kind = YamlNode::Kind::map;
  node.place = place;
  node.incomplete = true;
  node.whole = true;
  return node;
}

std::string quoted_yaml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  return quote(node.text);
}

}  // namespace moesim
