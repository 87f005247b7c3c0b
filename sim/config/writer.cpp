#include "config/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/text.hpp"

namespace moesim {
namespace {

constexpr size_t kCommentColumn = 38;  // at most; longer lines push their comment out

bool is_plain(const std::string& text) {
  constexpr std::string_view kAlnum =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const auto plain = [&](char c) {
    return kAlnum.find(c) != std::string_view::npos ||
           std::string_view(" ._/+()*|-").find(c) != std::string_view::npos;
  };
  if (text.empty() || kAlnum.find(text.front()) == std::string_view::npos || text.back() == ' ')
    return false;
  if (text == "null" || text == "Null" || text == "NULL") return false;
  return std::all_of(text.begin(), text.end(), plain);
}

template <class Values, class Show>
std::string flow_list(const Values& values, Show show) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() > 1 ? ", " : "") + show(value);
  return text + "]";
}

}  // namespace

std::string yaml_text(const std::string& text) {
  if (is_plain(text)) return text;
  return quoted_yaml(text);
}

void StructWriter::add(const FieldInfo& field, const std::string& value) {
  std::string path;
  for (const std::string& part : path_) path = join_path(path, part);
  lines_.push_back({fmt::format("{:{}}{}: {}", "", 2 * path_.size(), field.key, value),
                    join_path(path, field.key)});
}

void StructWriter::on_value(const FieldInfo& field, FieldValue held) {
  const auto spelled = [&](Choice choice) { return yaml_text(field.choices[choice.index]); };
  const auto number = [&](double value) { return format_quantity(value, field.unit); };
  const auto integer = [](int64_t value) { return fmt::format("{}", value); };
  const auto show = Overloaded{
      [&](int64_t* value) {
        return field.word && *value == field.word_value ? field.word : integer(*value);
      },
      [&](double* value) { return number(*value); },
      [&](bool* value) { return std::string(*value ? "true" : "false"); },
      [&](std::string* value) { return yaml_text(*value); },
      [&](Choice* value) { return spelled(*value); },
      [&](std::vector<int64_t>* values) { return flow_list(*values, integer); },
      [&](std::vector<double>* values) { return flow_list(*values, number); },
      [&](std::vector<std::vector<double>>* lists) {
        return flow_list(
            *lists, [&](const std::vector<double>& values) { return flow_list(values, number); });
      },
      [&](std::vector<std::string>* values) { return flow_list(*values, yaml_text); },
      [&](std::vector<Choice>* values) { return flow_list(*values, spelled); },
  };
  add(field, std::visit(show, held));
}

void StructWriter::begin(const std::string& first) {
  lines_.push_back({fmt::format("{:{}}{}", "", 2 * path_.size(), first), ""});
}

void StructWriter::on_section(const FieldInfo& section, const Contents& contents) {
  begin(section.key + std::string(":"));
  path_.emplace_back(section.key);
  contents();
  path_.pop_back();
}

void StructWriter::on_list(const FieldInfo& list, const ListOfMaps& items) {
  if (items.size == 0) return add(list, "[]");
  begin(list.key + std::string(":"));
  for (size_t item = 0; item < items.size; ++item) {
    begin("-");
    path_.push_back(fmt::format("{}[{}]", list.key, item));
    items.visit_item(item);
    path_.pop_back();
  }
}

namespace {

// A list or a quoted text may go on in the next line wherever it has one blank.
std::string folded_value(const std::string& line) {
  const size_t value = line.find(": ") + 2;
  if (line.size() <= kTerminalColumns || value >= line.size() ||
      (line[value] != '[' && line[value] != '"'))
    return line;
  if (line.find("  ", value) != std::string::npos) return line;
  return line.substr(0, value) + fold(line.substr(value), value, line.find_first_not_of(' ') + 2);
}

// Why a value is so, in lines of its own below it, beside nothing.
std::string comment_below(const std::string& reason, size_t column) {
  constexpr size_t kFewest = 40;
  const size_t begin = std::min(column, kTerminalColumns - kFewest) + 2;
  const size_t width = kTerminalColumns - begin - 4;
  const std::string margin = "\n" + std::string(begin, ' ') + "#   ";
  std::string text;
  const std::string folded = fold(reason, 0, 0, width);
  for (size_t at = 0; at < folded.size();) {
    const size_t end = std::min(folded.find('\n', at), folded.size());
    text += margin + folded.substr(at, end - at);
    at = end + 1;
  }
  return text;
}

// "# scenario.yaml:12", within what the line leaves; of an override the beginning is kept, of a
// path the end.
std::string comment(const std::string& origin, size_t begin) {
  constexpr size_t kFewest = 20;
  const size_t most = std::max(begin + 4 + kFewest, kTerminalColumns) - begin - 4;
  if (!origin.starts_with("--set ") || origin.size() <= most)
    return "  # " + end_of(origin, static_cast<int>(most));
  return "  # " + origin.substr(0, most - 3) + "...";
}

}  // namespace

std::string StructWriter::text(const ValueSources* sources) const {
  size_t column = 0;
  for (const Line& line : lines_)
    column = std::max(column, std::min(line.text.size(), kCommentColumn));
  std::string text;
  for (const Line& line : lines_) {
    const std::string shown = sources ? folded_value(line.text) : line.text;
    text += shown;
    if (sources && !line.path.empty()) {
      const auto source = sources->find(line.path);
      std::string origin = source == sources->end() ? "?" : source->second.origin;
      std::replace(origin.begin(), origin.end(), '\n', ' ');
      const size_t end = shown.size() - (shown.rfind('\n') + 1);
      text +=
          std::string(column - std::min(column, end), ' ') + comment(origin, std::max(column, end));
      if (source != sources->end()) text += comment_below(source->second.reason, column);
    }
    text += "\n";
  }
  return text;
}

}  // namespace moesim
