#include "foreign/imported_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.hpp"
#include "config/writer.hpp"

namespace moesim {
namespace {

constexpr const char* kSections[] = {"workload", "platform", "plan", "routing", "batch"};
constexpr size_t kCommentColumn = 34;
constexpr size_t kWidth = 110;  // of comments

struct Part {
  const char* title;
  const std::vector<std::string>& lines;
  bool one_line_each;
};

std::vector<Part> parts(const ImportedScenario& imported) {
  return {{"Assumed", imported.assumed, true},
          {"Shapes the time of a step and is NOT MODELLED", imported.not_modelled, true},
          {"Not known here, and left out", imported.unknown, true},
          {"Read with care", imported.notes, true},
          {"Without effect on the time of a step", imported.no_effect, false}};
}

std::string commented(std::string_view text) {
  std::string out = "# ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "# ";
  }
  return out + "\n";
}

// Keys under `prefix` as lines of a section, deeper ones as sections of their own.
void write_section(const ImportedScenario& imported, const std::string& prefix, size_t indent,
                   std::string& out) {
  std::vector<std::string> below;
  for (const ImportedKey& key : imported.keys) {
    if (!key.key.starts_with(prefix + ".")) continue;
    const std::string rest = key.key.substr(prefix.size() + 1);
    if (const size_t dot = rest.find('.'); dot != std::string::npos) {
      const std::string section = rest.substr(0, dot);
      if (std::find(below.begin(), below.end(), section) == below.end()) below.push_back(section);
      continue;
    }
    const std::string line = fmt::format("{:{}}{}: {}", "", indent, rest, key.value);
    if (key.from.empty())
      out += line + "\n";
    else
      out += fmt::format("{:<{}}  # {}\n", line, kCommentColumn, key.from);
  }
  for (const std::string& section : below) {
    out += fmt::format("{:{}}{}:\n", "", indent, section);
    write_section(imported, prefix + "." + section, indent + 2, out);
  }
}

}  // namespace

bool is_imported_section(std::string_view name) {
  return std::find(std::begin(kSections), std::end(kSections), name) != std::end(kSections);
}

void ImportedScenario::state(std::string_view key, std::string_view value, std::string_view from) {
  for (ImportedKey& known : keys) {
    if (known.key != key) continue;
    known.value = value;
    known.from = from;
    return;
  }
  keys.push_back({std::string(key), std::string(value), std::string(from)});
}

void ImportedScenario::state_text(std::string_view key, std::string_view text,
                                  std::string_view from) {
  state(key, yaml_text(std::string(text)), from);
}

void ImportedScenario::drop(std::string_view key) {
  std::erase_if(keys, [&](const ImportedKey& known) { return known.key == key; });
}

const ImportedKey* ImportedScenario::find(std::string_view key) const {
  for (const ImportedKey& known : keys)
    if (known.key == key) return &known;
  return nullptr;
}

long long ImportedScenario::integer(std::string_view key, long long otherwise) const {
  const ImportedKey* found = find(key);
  if (!found) return otherwise;
  long long value = 0;
  const char* end = found->value.data() + found->value.size();
  const auto [at, error] = std::from_chars(found->value.data(), end, value);
  return error == std::errc() && at == end ? value : otherwise;
}

std::string scenario_file(const ImportedScenario& imported) {
  std::string out = fmt::format("title: {}\n", yaml_text(imported.title));
  out += fmt::format("name: {}\n", yaml_text(imported.name));
  for (const char* section : kSections) {
    std::string inside;
    write_section(imported, section, 2, inside);
    const ImportedKey* whole = imported.find(section);
    if (whole)
      out += fmt::format("{:<{}}  # {}\n", fmt::format("{}: {}", section, whole->value),
                         kCommentColumn, whole->from);
    else if (!inside.empty())
      out += fmt::format("{}:\n{}", section, inside);
  }
  for (const Part& part : parts(imported)) {
    if (part.lines.empty()) continue;
    out += fmt::format("\n# {}:\n", part.title);
    if (part.one_line_each)
      for (const std::string& line : part.lines)
        out += commented(fold("  - " + line, 2, 4, kWidth));
    else
      out += commented(fold(fmt::format("  {}", fmt::join(part.lines, ", ")), 2, 2, kWidth));
  }
  return out;
}

std::string import_report(const ImportedScenario& imported) {
  std::string out;
  for (const Part& part : parts(imported)) {
    if (part.lines.empty() || !part.one_line_each) continue;
    out += fmt::format("{}:\n", part.title);
    for (const std::string& line : part.lines) out += fold("  - " + line, 0, 4) + "\n";
  }
  return out;
}

}  // namespace moesim
