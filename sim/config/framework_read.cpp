#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "config/framework.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"

namespace moesim {
namespace {

constexpr size_t kMaxBases = 16;

constexpr std::array<std::pair<const char*, Basis>, 4> kBases = {{{"stated", Basis::stated},
                                                                  {"recipe", Basis::recipe},
                                                                  {"inferred", Basis::inferred},
                                                                  {"default", Basis::standard}}};

const KeyTable& pod_keys() {
  static const KeyTable keys = [] {
    KeyTable table;
    table.collect(Scenario{});
    return table;
  }();
  return keys;
}

// A wafer's platform has keys of its own.
const KeyTable& wafer_keys() {
  static const KeyTable keys = [] {
    Scenario scenario;
    scenario.platform.system = WaferSystem{};
    KeyTable table;
    table.collect(scenario);
    return table;
  }();
  return keys;
}

const KeyEntry* find_key(const std::string& key) {
  const KeyEntry* found = pod_keys().find(key);
  return found ? found : wafer_keys().find(key);
}

// A framework decides how a model is trained, not which one, on what machine or on how much data.
bool may_set(const std::string& key) {
  if (key.starts_with("plan.framework")) return false;
  return key.starts_with("plan.") || key.starts_with("platform.") || key.starts_with("routing.") ||
         key == "batch.micro_batch";
}

std::vector<std::string> names_of_keys(bool settable) {
  std::vector<std::string> names;
  for (const auto& [key, entry] : pod_keys().entries())
    if (!settable || may_set(key)) names.push_back(key);
  return names;
}

// As it could stand in one line of YAML.
std::string one_line(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar) return node.text;
  std::string text = "[";
  for (const YamlNode& item : node.items) text += (text.size() > 1 ? ", " : "") + one_line(item);
  return text + "]";
}

// "<=8" -> at_most and "8".
std::pair<FrameworkCondition::Test, std::string> split_test(const std::string& text) {
  using Test = FrameworkCondition::Test;
  static constexpr std::array<std::pair<const char*, Test>, 5> kTests = {{{"!=", Test::not_equal},
                                                                          {"<=", Test::at_most},
                                                                          {">=", Test::at_least},
                                                                          {"<", Test::less},
                                                                          {">", Test::more}}};
  for (const auto& [sign, test] : kTests)
    if (text.starts_with(sign)) {
      const size_t begin = text.find_first_not_of(' ', std::string(sign).size());
      return {test, begin == std::string::npos ? "" : text.substr(begin)};
    }
  return {Test::equal, text};
}

class ProfileReader {
 public:
  explicit ProfileReader(const ResolveContext& context) : context_(context) {}

  FrameworkProfile read(const PresetFile& file, const std::string& name) {
    const FileText text = context_.files.read(file.path);
    FrameworkProfile profile;
    profile.name = name;
    profile.file = file.label;
    if (!text.error.empty()) {
      problems().add({file.path, 0, 0}, "", text.error);
      return profile;
    }
    const YamlNode root = parse_yaml(text.text, {file.path, file.label, "", true}, problems());
    if (root.incomplete) return profile;
    if (root.kind != YamlNode::Kind::map) {
      problems().add(root.place, "", "expected a map of keys, got " + describe(root));
      return profile;
    }
    chain_.push_back(std::filesystem::path(file.path).lexically_normal().string());
    read_keys(root, profile);
    chain_.pop_back();
    return profile;
  }

 private:
  Problems& problems() { return context_.problems; }

  void read_keys(const YamlNode& root, FrameworkProfile& profile) {
    unknown_keys(root, "", {"title", "base", "rules"});
    profile.title = text_of(root, "", "title", "one line for `moesim list frameworks`");
    if (const YamlNode* base = root.find("base"))
      read_base(*base, profile);
    else
      read_default(profile);
    const YamlNode* rules = root.find("rules");
    if (!rules) return;
    if (rules->kind != YamlNode::Kind::sequence)
      return problems().add(rules->place, "rules", "expected a list, got " + describe(*rules));
    for (size_t i = 0; i < rules->items.size(); ++i)
      profile.rules.push_back(read_rule(rules->items[i], fmt::format("rules[{}]", i)));
    profile.own_rules = rules->items.size();
  }

  // A profile that names no base builds on the default profile, where there is one.
  void read_default(FrameworkProfile& profile) {
    if (profile.name == kDefaultFramework) return;
    const PresetFile file = find_preset(kDefaultFramework, SectionKind::framework, ".",
                                        context_.search, context_.files);
    if (file.error.empty()) add_base(file, kDefaultFramework, profile);
  }

  void add_base(const PresetFile& file, const std::string& name, FrameworkProfile& profile) {
    FrameworkProfile below = read(file, name);
    profile.bases.push_back(name);
    profile.bases.insert(profile.bases.end(), below.bases.begin(), below.bases.end());
    profile.rules = std::move(below.rules);
  }

  void read_base(const YamlNode& base, FrameworkProfile& profile) {
    if (base.kind != YamlNode::Kind::scalar)
      return problems().add(base.place, "base",
                            "expected the name of a framework, got " + describe(base));
    const std::string directory = std::filesystem::path(base.place.file).parent_path().string();
    const PresetFile file =
        find_preset(base.text, SectionKind::framework, directory, context_.search, context_.files);
    if (!file.error.empty()) return problems().add(base.place, "base", file.error);
    const std::string path = std::filesystem::path(file.path).lexically_normal().string();
    const bool cycle = std::find(chain_.begin(), chain_.end(), path) != chain_.end();
    if (cycle || chain_.size() >= kMaxBases)
      return problems().add(
          base.place, "base",
          fmt::format("{}: {} -> {}", cycle ? "a cycle of bases" : "too long a chain of bases",
                      fmt::join(chain_, " -> "), path));
    add_base(file, base.text, profile);
  }

  FrameworkRule read_rule(const YamlNode& node, const std::string& path) {
    FrameworkRule rule;
    rule.origin = node.origin;
    if (node.kind != YamlNode::Kind::map) {
      problems().add(node.place, path, "expected a map of keys, got " + describe(node));
      return rule;
    }
    unknown_keys(node, path, {"set", "if", "source", "basis"});
    rule.source = text_of(node, path, "source", "where its values were read");
    rule.basis = basis_of(node, path);
    const YamlNode* set = node.find("set");
    if (!set || set->kind != YamlNode::Kind::map || set->entries.empty()) {
      problems().add(set ? set->place : node.place, join_path(path, "set"),
                     "expected a map of keys of a scenario and their values");
    } else {
      for (const YamlNode::Entry& entry : set->entries)
        read_setting(entry, join_path(path, "set"), rule);
    }
    const YamlNode* conditions = node.find("if");
    if (!conditions) return rule;
    if (conditions->kind != YamlNode::Kind::map)
      problems().add(conditions->place, join_path(path, "if"),
                     "expected a map of keys of a scenario, got " + describe(*conditions));
    for (const YamlNode::Entry& entry : conditions->entries)
      read_condition(entry, join_path(path, "if"), rule);
    return rule;
  }

  // Returns the scenario's key of this name; null after reporting that there is none.
  const KeyEntry* known_key(const YamlNode::Entry& entry, const std::string& at, bool settable) {
    const KeyEntry* key = find_key(entry.key);
    if (!key)
      problems().add(entry.key_place, at,
                     "is not a known key" + hint(entry.key, names_of_keys(settable)));
    return key;
  }

  void read_setting(const YamlNode::Entry& entry, const std::string& path, FrameworkRule& rule) {
    const std::string at = join_path(path, entry.key);
    const KeyEntry* key = known_key(entry, at, true);
    if (!key) return;
    if (!may_set(entry.key))
      return problems().add(entry.key_place, at,
                            "is not for a framework to set: those are plan.*, platform.*, "
                            "routing.* and batch.micro_batch");
    std::string error;
    if (auto values = to_key_values(entry.value, *key, error)) {
      FrameworkSetting setting{entry.key, entry.value, std::move(*values), one_line(entry.value)};
      setting.node.origin = rule.origin;
      rule.settings.push_back(std::move(setting));
    } else {
      problems().add(entry.value.place, at, std::move(error));
    }
  }

  void read_condition(const YamlNode::Entry& entry, const std::string& path, FrameworkRule& rule) {
    const std::string at = join_path(path, entry.key);
    const KeyEntry* key = known_key(entry, at, false);
    if (!key) return;
    FrameworkCondition condition;
    condition.key = entry.key;
    condition.text = one_line(entry.value);
    std::vector<YamlNode> items{entry.value};
    if (entry.value.kind == YamlNode::Kind::sequence) {
      items = entry.value.items;
      if (items.empty())
        return problems().add(entry.value.place, at, "an empty list holds for no value");
    } else if (entry.value.kind == YamlNode::Kind::scalar) {
      std::tie(condition.test, items[0].text) = split_test(entry.value.text);
      if (condition.test != FrameworkCondition::Test::equal) items[0].quoted = false;
    }
    const bool numeric =
        key->type == KeyEntry::Type::integer || key->type == KeyEntry::Type::number;
    if (condition.test > FrameworkCondition::Test::not_equal && (!numeric || key->is_list))
      return problems().add(entry.value.place, at,
                            "only a number can be less or more than another, this key is none");
    KeyEntry compared = *key;  // with a number that the key itself may not have, as in ">0"
    if (condition.test > FrameworkCondition::Test::not_equal) compared.field.range = {};
    for (const YamlNode& item : items) {
      std::string error;
      if (const auto value = to_key_scalar(item, compared, error))
        condition.values.push_back(*value);
      else
        return problems().add(item.place, at, std::move(error));
    }
    rule.conditions.push_back(std::move(condition));
  }

  Basis basis_of(const YamlNode& node, const std::string& path) {
    const YamlNode* basis = node.find("basis");
    std::vector<std::string> names;
    for (const auto& [name, value] : kBases) {
      names.emplace_back(name);
      if (basis && basis->kind == YamlNode::Kind::scalar && basis->text == name) return value;
    }
    if (!basis)
      problems().add(node.place, join_path(path, "basis"), "is missing: " + join_or(names));
    else
      problems().add(basis->place, join_path(path, "basis"),
                     fmt::format("expected {}, got {}", join_or(names), describe(*basis)));
    return Basis::stated;
  }

  std::string text_of(const YamlNode& map, const std::string& path, const char* key,
                      const char* meaning) {
    const YamlNode* node = map.find(key);
    if (!node || node->kind != YamlNode::Kind::scalar || node->text.empty()) {
      problems().add(node ? node->place : map.place, join_path(path, key),
                     fmt::format("{}: {}", node ? "expected a text" : "is missing", meaning));
      return "";
    }
    return node->text;
  }

  void unknown_keys(const YamlNode& map, const std::string& path,
                    const std::vector<std::string>& known) {
    for (const YamlNode::Entry& entry : map.entries)
      if (std::find(known.begin(), known.end(), entry.key) == known.end() && entry.key != "note" &&
          entry.key != "notes")
        problems().add(entry.key_place, join_path(path, entry.key),
                       "is not a known key" + hint(entry.key, known));
  }

  const ResolveContext& context_;
  std::vector<std::string> chain_;  // files being read, outermost first
};

}  // namespace

const char* spelling(Basis basis) {
  for (const auto& [name, value] : kBases)
    if (value == basis) return name;
  return "";
}

FrameworkProfile read_framework(const ResolveContext& context, const PresetFile& file,
                                const std::string& name) {
  return ProfileReader(context).read(file, name);
}

FrameworkProfile load_framework(const std::string& name, const SearchPath& search,
                                const Files& files) {
  Problems problems;
  const FoundFramework found = find_framework(name, ".", search, files);
  if (!found.file.error.empty()) {
    problems.add({}, "framework", found.file.error);
    throw InputError(problems);
  }
  const ResolveContext context{search, files, problems};
  FrameworkProfile profile = read_framework(context, found.file, found.name);
  if (!problems.empty()) throw InputError(problems);
  return profile;
}

}  // namespace moesim
