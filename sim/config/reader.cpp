#include "config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "config/scalars.hpp"

namespace moesim {
namespace {

std::string got(const YamlNode& node, const FieldInfo& field) {
  return node.kind == YamlNode::Kind::null ? got_nothing(field) : ", got " + describe(node);
}

}  // namespace

bool is_remark(const std::string& key) {
  static constexpr std::array<std::string_view, 7> kRemarks = {
      "title", "describe", "description", "note", "notes", "source", "sources"};
  return std::find(kRemarks.begin(), kRemarks.end(), key) != kRemarks.end();
}

StructReader::StructReader(const YamlNode& root, std::string path, Problems& problems)
    : problems_(problems) {
  push(&root, root.place, std::move(path), true);
}

void StructReader::push(const YamlNode* node, const Place& place, std::string path,
                        bool report_missing) {
  if (node && node->kind != YamlNode::Kind::map) {
    problems_.add(node->place, path,
                  fmt::format("expected a map of keys, got {}", describe(*node)));
    node = nullptr;
    report_missing = false;
  } else if (node && node->incomplete) {
    report_missing = false;
  }
  frames_.push_back({node, place, std::move(path), report_missing, {}});
}

void StructReader::on_section(const FieldInfo& section, const Contents& contents) {
  push(section);
  contents();
  finish_map();
}

void StructReader::push(const FieldInfo& section) {
  Frame& parent = frames_.back();
  const std::string path = join_path(parent.path, section.key);
  parent.keys.insert(section.key);
  const YamlNode* node = parent.map ? parent.map->find(section.key) : nullptr;
  if (node && node->kind == YamlNode::Kind::null) {
    fail(*node, path, "expected a map of keys" + got_nothing(section));
    return push(nullptr, node->place, path, false);
  }
  if (node) return push(node, node->place, path, true);
  // An absent section leaves sound defaults only when it may be absent.
  const bool missing = section.need == Need::required;
  if (missing && parent.report_missing)
    problems_.add(parent.place, path, fmt::format("is missing: {}", section.doc));
  push(nullptr, parent.place, path, parent.report_missing && !missing);
}

void StructReader::on_list(const FieldInfo& field, const ListOfMaps& items) {
  const std::string path = join_path(frames_.back().path, field.key);
  const YamlNode* node = take(field);
  if (node && node->kind != YamlNode::Kind::sequence) {
    fail(*node, path, "expected a list of maps" + got(*node, field));
    sources_[path].sound = false;
    node = nullptr;
  }
  const size_t size = node ? node->items.size() : 0;
  items.resize(size);
  for (size_t item = 0; item < size; ++item) {
    push(&node->items[item], node->items[item].place, fmt::format("{}[{}]", path, item), true);
    items.visit_item(item);
    finish_map();
  }
}

void StructReader::finish_map() {
  const Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (!frame.map) return;
  std::vector<std::string> known(frame.keys.begin(), frame.keys.end());
  known.emplace_back("base");  // resolved before
  for (const YamlNode::Entry& entry : frame.map->entries)
    if (!frame.keys.contains(entry.key) && !is_remark(entry.key))
      unknown_.push_back({entry.key_place, frame.path, entry.key, hint(entry.key, known)});
  if (frames_.empty()) report_unknown();
}

// Now that all sections are known: a key may belong into another.
void StructReader::report_unknown() {
  for (const UnknownKey& unknown : unknown_) {
    std::vector<std::string> elsewhere;
    for (const auto& [path, source] : sources_)
      if (path.ends_with("." + unknown.key) && path.find('[') == std::string::npos)
        elsewhere.push_back(quote(path));
    const bool clear = !elsewhere.empty() && elsewhere.size() <= 3;
    problems_.add(
        unknown.place, join_path(unknown.section, unknown.key),
        "is not a known key" +
            (clear ? fmt::format(" (did you mean {}?)", join_or(elsewhere)) : unknown.hint));
  }
  unknown_.clear();
}

// The node that holds the field's value; null after noting that there is none.
const YamlNode* StructReader::take(const FieldInfo& field) {
  Frame& frame = frames_.back();
  const std::string path = join_path(frame.path, field.key);
  frame.keys.insert(field.key);
  const YamlNode* node = frame.map ? frame.map->find(field.key) : nullptr;
  if (node) {
    sources_[path] = {node->place, node->origin, true};
    return unwrap(*node, path);
  }
  const bool missing = field.need == Need::required;
  if (missing && frame.report_missing)
    problems_.add(frame.place, path, fmt::format("is missing: {}", field.doc));
  sources_[path] = {frame.place, "default", frame.report_missing && !missing};
  return nullptr;
}

// {value: 3.35 TB/s, source: "..."} stands for its value.
const YamlNode* StructReader::unwrap(const YamlNode& node, const std::string& path) {
  const YamlNode* value = node.find("value");
  if (!value) return &node;
  for (const YamlNode::Entry& entry : node.entries)
    if (entry.key != "value" && !is_remark(entry.key))
      problems_.add(entry.key_place, join_path(path, entry.key),
                    "is not a known key" + hint(entry.key, {"source", "note"}));
  sources_[path] = {value->place, value->origin, true};
  return value;
}

void StructReader::fail(const YamlNode& node, const std::string& path, std::string message) {
  problems_.add(node.place, path, std::move(message));
}

template <class Value, class Convert>
void StructReader::read_value(const FieldInfo& field, Value& value, Convert convert) {
  const YamlNode* node = take(field);
  if (!node) return;
  std::string error;
  if (const auto read = convert(*node, field, error)) {
    value = *read;
  } else {
    const std::string path = join_path(frames_.back().path, field.key);
    fail(*node, path, std::move(error));
    sources_[path].sound = false;
  }
}

template <class Value, class Convert>
void StructReader::read_list(const FieldInfo& field, std::vector<Value>& values, Convert convert) {
  const std::string path = join_path(frames_.back().path, field.key);
  if (const YamlNode* node = take(field))
    if (!read_items(*node, path, field, values, convert)) sources_[path].sound = false;
}

// False after reporting what is wrong; the values are then those that are not.
template <class Value, class Convert>
bool StructReader::read_items(const YamlNode& list, const std::string& path, const FieldInfo& field,
                              std::vector<Value>& values, Convert convert) {
  if (list.kind != YamlNode::Kind::sequence) {
    fail(list, path, "expected a list" + got(list, field));
    return false;
  }
  bool sound = true;
  values.clear();
  for (size_t i = 0; i < list.items.size(); ++i) {
    std::string error;
    if (const auto read = convert(list.items[i], field, error)) {
      values.push_back(*read);
    } else {
      fail(list.items[i], fmt::format("{}[{}]", path, i), std::move(error));
      sound = false;
    }
  }
  return sound;
}

void StructReader::on_value(const FieldInfo& field, FieldValue value) {
  std::visit(Overloaded{
                 [&](int64_t* integer) { read_value(field, *integer, to_integer); },
                 [&](double* number) { read_value(field, *number, to_number); },
                 [&](bool* flag) { read_value(field, *flag, to_flag); },
                 [&](std::string* text) { read_value(field, *text, to_text); },
                 [&](Choice* choice) { read_value(field, *choice, to_choice); },
                 [&](std::vector<int64_t>* integers) { read_list(field, *integers, to_integer); },
                 [&](std::vector<double>* numbers) { read_list(field, *numbers, to_number); },
                 [&](std::vector<std::vector<double>>* lists) { read_lists(field, *lists); },
                 [&](std::vector<std::string>* texts) { read_list(field, *texts, to_text); },
                 [&](std::vector<Choice>* choices) { read_list(field, *choices, to_choice); },
             },
             value);
}

void StructReader::read_lists(const FieldInfo& field, std::vector<std::vector<double>>& lists) {
  const YamlNode* node = take(field);
  if (!node) return;
  const std::string path = join_path(frames_.back().path, field.key);
  bool sound = node->kind == YamlNode::Kind::sequence;
  if (!sound) fail(*node, path, "expected a list of lists" + got(*node, field));
  lists.clear();
  for (size_t i = 0; i < node->items.size(); ++i) {
    const std::string row = fmt::format("{}[{}]", path, i);
    std::vector<double> values;
    if (!read_items(node->items[i], row, field, values, to_number)) {
      sound = false;
    } else if (field.row_width > 0 && values.size() != field.row_width) {
      fail(node->items[i], row,
           fmt::format("expected {} numbers, got {}", field.row_width, values.size()));
      sound = false;
    } else {
      lists.push_back(std::move(values));
    }
  }
  sources_[path].sound = sound;
}

}  // namespace moesim
