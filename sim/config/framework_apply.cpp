#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/text.hpp"
#include "config/framework.hpp"
#include "config/reader.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"

namespace moesim {
namespace {

const YamlNode* scalar_at(const YamlNode& root, const char* section, const char* key) {
  const YamlNode* map = root.find(section);
  const YamlNode* node = map ? map->find(key) : nullptr;
  if (node && node->find("value")) node = node->find("value");
  return node && node->kind == YamlNode::Kind::scalar ? node : nullptr;
}

const YamlNode* node_at(const YamlNode& root, const std::string& key) {
  const YamlNode* node = &root;
  for (size_t begin = 0; node && begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    node = node->find(key.substr(begin, end - begin));
    begin = end + 1;
  }
  return node;
}

// Puts a value at a dotted key. Sections that may be left out come to be; the required ones
// (platform, batch) are the user's to write, and are reported where they are missing.
void put(YamlNode& root, const std::string& key, const YamlNode& value) {
  YamlNode* node = &root;
  for (size_t begin = 0;;) {
    if (node->kind != YamlNode::Kind::map) return;
    const size_t end = key.find('.', begin);
    const std::string part = key.substr(begin, end - begin);
    YamlNode* below = node->find(part);
    if (end == std::string::npos) {
      if (below)
        *below = value;
      else
        node->entries.push_back({part, value.place, value});
      return;
    }
    if (!below) {
      if (begin == 0 && part != "plan" && part != "routing") return;
      YamlNode section;
      section.kind = YamlNode::Kind::map;
      section.place = value.place;
      section.origin = value.origin;
      node->entries.push_back({part, value.place, std::move(section)});
      below = &node->entries.back().value;
    }
    node = below;
    begin = end + 1;
  }
}

// The values that the scenario has so far, defaults included. Whatever is wrong with them is
// reported when the scenario is read for good.
KeyTable values_of(const YamlNode& root) {
  Problems ignored;
  Scenario scenario;
  StructReader(root, "", ignored).read(scenario);
  KeyTable table;
  table.collect(scenario);
  return table;
}

// That a file named at this place is relative to.
std::string directory_of(const Place& place) {
  if (place.file.starts_with("--set ")) return ".";
  return std::filesystem::path(place.file).parent_path().string();
}

class Application {
 public:
  Application(YamlNode& root, AppliedFramework& applied)
      : root_(root), applied_(applied), state_(values_of(root)) {}

  void apply(const FrameworkRule& rule) {
    const auto holds = [&](const FrameworkCondition& condition) {
      const KeyEntry* entry = state_.find(condition.key);
      return entry && condition.holds(*entry);
    };
    if (!std::all_of(rule.conditions.begin(), rule.conditions.end(), holds)) return;
    for (const FrameworkSetting& setting : rule.settings) set(setting, rule);
  }

 private:
  void set(const FrameworkSetting& setting, const FrameworkRule& rule) {
    KeyEntry* entry = state_.find(setting.key);
    if (!entry) return;  // a key of the other kind of platform
    const auto earlier =
        std::find_if(applied_.values.begin(), applied_.values.end(),
                     [&](const FrameworkValue& value) { return value.key == setting.key; });
    const YamlNode* stated = node_at(root_, setting.key);
    if (earlier == applied_.values.end() && stated && !stated->preset) return;
    entry->values = setting.values;
    put(root_, setting.key, setting.node);
    FrameworkValue value{setting.key, setting.text, rule.origin, rule.source, rule.basis};
    if (earlier != applied_.values.end())
      *earlier = std::move(value);
    else
      applied_.values.push_back(std::move(value));
  }

  YamlNode& root_;
  AppliedFramework& applied_;
  KeyTable state_;
};

}  // namespace

bool FrameworkCondition::holds(const KeyEntry& entry) const {
  const auto among = [&](const KeyScalar& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  const bool found = std::any_of(entry.values.begin(), entry.values.end(), among);
  if (test == Test::equal) return found;
  if (test == Test::not_equal) return !found;
  const double value = std::get<double>(entry.values[0]), bound = std::get<double>(values[0]);
  switch (test) {
    case Test::less:
      return value < bound;
    case Test::at_most:
      return value <= bound;
    case Test::more:
      return value > bound;
    default:
      return value >= bound;
  }
}

std::string FrameworkValue::sentence() const {
  return fmt::format("{} = {} ({}: {})", key, text, spelling(basis), source);
}

AppliedFramework apply_framework(const ResolveContext& context, YamlNode& root) {
  AppliedFramework applied;
  const YamlNode* done = scalar_at(root, "plan", "framework_applied");
  if (done && done->text == "true") return applied;
  const YamlNode* node = scalar_at(root, "plan", "framework");
  if (node) applied.name = node->text;
  const bool named = !applied.name.empty();
  const Place place = node ? node->place : root.place;
  const FoundFramework found = find_framework(named ? applied.name : kDefaultFramework,
                                              directory_of(place), context.search, context.files);
  if (!found.file.error.empty()) {
    if (named) context.problems.add(place, "plan.framework", found.file.error);
    return applied;
  }
  const FrameworkProfile profile = read_framework(context, found.file, found.name);
  applied.profile = found.name;
  applied.note = found.note;
  Application application(root, applied);
  for (const FrameworkRule& rule : profile.rules) application.apply(rule);
  YamlNode flag = make_scalar("true", root);
  flag.place = place;
  flag.origin = profile.file;
  put(root, "plan.framework_applied", flag);
  return applied;
}

}  // namespace moesim
