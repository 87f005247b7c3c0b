#include "capacity/capacity_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>

#include "base/text.hpp"
#include "config/reader.hpp"
#include "config/tree.hpp"
#include "config/visitor.hpp"

namespace moesim {

void visit(Visitor& v, PriceRange& price) {
  v.number("low", price.low, Unit::number, {0, 1e9}, "least price", Need::required);
  v.number("high", price.high, Unit::number, {0, 1e9}, "greatest price", Need::required);
}

void visit(Visitor& v, CapacitySearch& s) {
  v.text("free", s.free, "what is searched, as --free of search takes it");
  v.number("time_s", s.time_s, Unit::seconds, above(0, 1e7),
           "for the estimates of all candidates together");
  v.flag("allow_tight", s.allow_tight, "mappings within the platform's reserve of memory too");
}

namespace {

namespace fs = std::filesystem;

constexpr const char* kScenarioKeys[] = {"name",    "base",  "workload", "plan",
                                         "routing", "batch", "faults",   "goodput"};
constexpr const char* kOwnKeys[] = {"tokens", "deadline_s",        "machines",
                                    "pue",    "carbon_kg_per_kwh", "search"};
constexpr const char* kPrice = "price_per_device_hour";

bool is_one_of(const auto& keys, const std::string& key) {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

// A machine as the reader sees it: a price is always a range, of which -1 says that it is missing.
struct MachineKeys {
  Machine machine;
  PriceRange price{-1, -1};
};

void visit(Visitor& v, MachineKeys& keys) {
  Machine& m = keys.machine;
  v.text("platform", m.platform, "a preset of platforms/, or a file", Need::required);
  v.integers("counts", m.counts, {1, 1e6}, "devices, one candidate each", Need::required);
  if (v.has(kPrice)) v.section(kPrice, keys.price, "of one device; a number, or low and high");
  v.number("node_power_w", m.node_power_w, Unit::watts, {0, 1e6},
           "of a node beside its devices; 0: left out");
  v.number("network_power_w", m.network_power_w, Unit::watts, {0, 1e6},
           "of switches, per device; 0: left out");
  v.texts("set", m.sets, "settings of this machine's scenarios, as in plan.dispatcher=deepep");
}

struct FileKeys {
  CapacityFile file;
  std::vector<MachineKeys> machines;
};

void visit(Visitor& v, FileKeys& keys) {
  CapacityFile& f = keys.file;
  v.number("tokens", f.tokens, Unit::number, above(0, 1e18), "to train on");
  v.number("deadline_s", f.deadline_s, Unit::seconds, above(0, 1e10), "for the whole training");
  v.number("pue", f.pue, Unit::number, {1, 10}, "energy of the building over the machines'");
  v.number("carbon_kg_per_kwh", f.carbon_kg_per_kwh, Unit::number, {0, 10},
           "of the electricity; 0: left out");
  v.sections("machines", keys.machines, "candidates");
  v.section("search", f.search, "of the mapping of each candidate");
}

// A price that is one number becomes a range with both ends alike.
void widen_prices(YamlNode& root) {
  YamlNode* machines = root.find("machines");
  if (machines == nullptr) return;
  if (const YamlNode* list =
          machines->kind == YamlNode::Kind::map ? machines->find("value") : nullptr) {
    YamlNode bare = *list;  // {value: [...], source: ...}
    *machines = std::move(bare);
  }
  for (YamlNode& machine : machines->items) {
    YamlNode* price = machine.find(kPrice);
    if (price == nullptr || (price->kind == YamlNode::Kind::map && !price->find("value"))) continue;
    YamlNode range;
    range.kind = YamlNode::Kind::map;
    range.place = price->place;
    range.entries = {{"low", price->place, *price}, {"high", price->place, *price}};
    *price = std::move(range);
  }
}

// The text with blank lines where the keys are that belong to no scenario, so that what is left
// keeps its place.
std::string scenario_part(const std::string& text, const YamlNode& root) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  for (size_t i = 0; i < root.entries.size(); ++i) {
    const YamlNode::Entry& entry = root.entries[i];
    if (is_one_of(kScenarioKeys, entry.key)) continue;
    const size_t first = static_cast<size_t>(entry.key_place.line) - 1;
    const size_t end = i + 1 < root.entries.size()
                           ? static_cast<size_t>(root.entries[i + 1].key_place.line) - 1
                           : lines.size();
    for (size_t line = first; line < std::min(end, lines.size()); ++line) lines[line].clear();
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

class Reading {
 public:
  Reading(const std::string& path, Problems& problems) : path_(path), problems_(problems) {}

  // Returns the keys that are not a scenario's.
  YamlNode own_keys(const YamlNode& root) {
    YamlNode own = root;
    own.entries.clear();
    int line = 0;
    for (const YamlNode::Entry& entry : root.entries) {
      if (entry.key_place.line == line) {
        problems_.add(entry.key_place, entry.key, "stands on the line of another key");
        sound_ = false;
      }
      line = entry.key_place.line;
      if (is_one_of(kScenarioKeys, entry.key) || is_remark(entry.key)) continue;
      if (is_one_of(kOwnKeys, entry.key))
        own.entries.push_back(entry);
      else
        unknown(entry);
    }
    return own;
  }

  bool sound() const { return sound_; }

 private:
  void unknown(const YamlNode::Entry& entry) {
    if (entry.key == "platform")
      return problems_.add(entry.key_place, entry.key, "stands in each of machines");
    std::vector<std::string> known(std::begin(kOwnKeys), std::end(kOwnKeys));
    known.insert(known.end(), std::begin(kScenarioKeys), std::end(kScenarioKeys));
    problems_.add(entry.key_place, entry.key,
                  "is not a key of a capacity file" + hint(entry.key, known));
  }

  const std::string& path_;
  Problems& problems_;
  bool sound_ = true;
};

// Adds what is wrong with one machine besides its keys.
void check_machine(const Machine& machine, const PriceRange& price, const YamlNode& node,
                   const std::string& path, Problems& problems) {
  const auto at = [&](const char* key) {
    const YamlNode* found = node.find(key);
    return found ? found->place : node.place;
  };
  if (machine.counts.empty() && node.find("counts") &&
      node.find("counts")->kind == YamlNode::Kind::sequence)
    problems.add(at("counts"), path + ".counts", "has no counts");
  if (price.high >= 0 && price.low > price.high)
    problems.add(at(kPrice), path + "." + kPrice,
                 fmt::format("low = {} is above high = {}", price.low, price.high));
  std::set<int> seen;
  for (const int count : machine.counts)
    if (!seen.insert(count).second)
      problems.add(at("counts"), path + ".counts", fmt::format("{} is given twice", count));
}

std::string relative_to(const std::string& name, const std::string& file) {
  const bool is_file = name.find('/') != std::string::npos || name.ends_with(".yaml") ||
                       name.ends_with(".yml") || name.ends_with(".json");
  if (!is_file || fs::path(name).is_absolute()) return name;
  return (fs::path(file).parent_path() / name).string();
}

Problems in_order(const Problems& problems) {
  std::vector<Problem> items = problems.items();
  std::stable_sort(items.begin(), items.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
  });
  Problems result;
  std::set<std::string> seen;
  for (Problem& problem : items)
    if (seen.insert(to_string(problem)).second)
      result.add(std::move(problem.place), std::move(problem.path), std::move(problem.message));
  return result;
}

}  // namespace

CapacityStudy::CapacityStudy(const std::string& path, const Files& files)
    : path_(path), files_({}, &files) {
  Problems problems;
  const FileText read = files.read(path);
  if (!read.error.empty()) {
    problems.add({path}, "", read.error);
    throw InputError(problems);
  }
  YamlNode root = parse_yaml(read.text, {path, "", "", true}, problems);
  if (root.kind != YamlNode::Kind::map)
    problems.add(root.place, "", "expected a map with workload, batch, tokens, machines");
  if (root.kind != YamlNode::Kind::map || root.incomplete) throw InputError(problems);
  files_ = MemoryFiles({{path, scenario_part(read.text, root)}}, &files);

  Reading reading(path, problems);
  YamlNode own = reading.own_keys(root);
  widen_prices(own);
  FileKeys keys;
  StructReader(own, "", problems).read(keys);
  file_ = std::move(keys.file);
  const YamlNode* machines = own.find("machines");
  if (machines == nullptr || machines->items.empty())
    problems.add(root.place, "machines", "is missing: the candidates, each a platform with counts");
  if (own.find("tokens") == nullptr && own.find("deadline_s") == nullptr)
    problems.add(root.place, "tokens", "is missing, and deadline_s too: give one or both");

  const SearchPath search = default_search_path(fs::path(path).parent_path().string());
  for (size_t i = 0; machines && i < std::min(keys.machines.size(), machines->items.size()); ++i) {
    const std::string at = fmt::format("machines[{}]", i);
    Machine machine = std::move(keys.machines[i].machine);
    const YamlNode& node = machines->items[i];
    check_machine(machine, keys.machines[i].price, node, at, problems);
    if (keys.machines[i].price.low >= 0) machine.price = keys.machines[i].price;
    machine.platform = relative_to(machine.platform, path);
    if (machine.platform.empty() || machine.counts.empty() || !reading.sound()) continue;
    const YamlNode* platform = node.find("platform");
    try {
      machine.wafers = is_wafer_platform(machine.platform, search, files);
      base(machine, machine.counts[0]);
    } catch (const InputError& error) {
      for (Problem problem : error.problems().items()) {
        const bool of_platform = problem.place.file.starts_with("--set platform=");
        const bool of_set = problem.place.file.starts_with("--set ") && !of_platform;
        if (of_platform) problem.path = at + ".platform";
        if (of_set) problem.path = at + ".set: " + problem.path;
        if ((of_platform || of_set) && platform) problem.place = platform->place;
        if (of_set && node.find("set")) problem.place = node.find("set")->place;
        problems.add(problem.place, problem.path, problem.message);
      }
    }
    file_.machines.push_back(std::move(machine));
  }
  if (!problems.empty()) throw InputError(in_order(problems));
}

std::vector<std::string> CapacityStudy::sets_of(const Machine& machine, int count,
                                                const std::vector<std::string>& sets) const {
  std::vector<std::string> all{fmt::format("platform={{base: {}, {}: {}}}",
                                           quoted_yaml(machine.platform),
                                           machine.wafers ? "systems" : "gpus", count)};
  all.insert(all.end(), machine.sets.begin(), machine.sets.end());
  all.insert(all.end(), sets.begin(), sets.end());
  return all;
}

Scenario CapacityStudy::scenario(const Machine& machine, int count,
                                 const std::vector<std::string>& sets) const {
  return load_scenario(path_, sets_of(machine, count, sets), files_).scenario;
}

Scenario CapacityStudy::base(const Machine& machine, int count) const {
  const SearchPath search = default_search_path(fs::path(path_).parent_path().string());
  return load_unchecked_scenario(path_, sets_of(machine, count, {}), search, files_).scenario;
}

}  // namespace moesim
