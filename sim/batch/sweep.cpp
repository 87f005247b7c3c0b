#include "batch/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/diagnostics.hpp"
#include "base/random.hpp"

namespace moesim {
namespace {

constexpr size_t longest_name =
    120;  // leaves room for an extension within the 255 bytes of a file name

std::string last_part(std::string_view key) {
  const size_t dot = key.rfind('.');
  return std::string(dot == std::string_view::npos ? key : key.substr(dot + 1));
}

// 64-bit FNV-1a (Fowler, Noll, Vo), stirred at the end; a fixed function, unlike std::hash.
uint64_t hash_of(std::string_view text, uint64_t seed = 0xcbf29ce484222325ULL) {
  for (const char byte : text) seed = (seed ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return mix64(seed);
}

std::string as_file_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += plain || std::string_view("-_.,=+").find(c) != std::string_view::npos ? c : '_';
  }
  if (name.empty() || name.front() == '.') name.insert(name.begin(), '_');
  // A name that lost something gets a hash of all of it, so that it is still one of its own.
  if (name == text && name.size() <= longest_name) return name;
  const std::string tail = fmt::format("-{:08x}", hash_of(text) >> 32);
  return name.substr(0, longest_name - tail.size()) + tail;
}

// The shortest way to tell the keys of a study apart: their last part, or all of it.
std::map<std::string, std::string> short_keys(const Study& study) {
  std::set<std::string> keys;
  for (const auto& [key, values] : study.grid) keys.insert(key);
  for (const auto& settings : study.list) {
    for (const auto& [key, value] : settings) keys.insert(key);
  }
  std::map<std::string, int> uses;
  for (const std::string& key : keys) ++uses[last_part(key)];
  std::map<std::string, std::string> result;
  for (const std::string& key : keys)
    result[key] = uses[last_part(key)] == 1 ? last_part(key) : key;
  return result;
}

void check_keys(const Study& study, Problems& problems) {
  std::set<std::string> grid_keys;
  for (const auto& [key, values] : study.grid) {
    if (values.empty()) problems.add({}, "grid." + key, "has no values");
    if (!grid_keys.insert(key).second) problems.add({}, "grid." + key, "is given twice");
  }
  for (size_t i = 0; i < study.list.size(); ++i) {
    std::set<std::string> keys = grid_keys;
    for (const auto& [key, value] : study.list[i]) {
      const char* why = grid_keys.count(key) ? "is in the grid too" : "is given twice";
      if (!keys.insert(key).second) problems.add({}, fmt::format("list[{}].{}", i, key), why);
    }
  }
}

// Saturates just above the limit.
size_t count_runs(const Study& study) {
  size_t count = std::max<size_t>(1, study.list.size());
  for (const auto& [key, values] : study.grid)
    count = std::min(count * values.size(), most_runs + 1);
  return count;
}

void check(const Study& study) {
  Problems problems;
  if (study.base.empty())
    problems.add({}, "base", "is missing: the scenario that the study varies");
  check_keys(study, problems);
  if (problems.empty() && count_runs(study) > most_runs) {
    problems.add({}, "grid", fmt::format("has more than {} combinations", most_runs));
  }
  if (!problems.empty()) throw InputError(problems);
}

// Combination number `index` of the grid, the last key fastest.
std::vector<Setting> combination(const Study& study, size_t index) {
  std::vector<Setting> settings(study.grid.size());
  for (size_t i = study.grid.size(); i-- > 0;) {
    const auto& [key, values] = study.grid[i];
    settings[i] = {key, values[index % values.size()]};
    index /= values.size();
  }
  return settings;
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

// A value in a name: of a path its last two parts, whatever directory it is seen from.
std::string in_name(const std::string& value) {
  const bool quoted = value.size() > 2 && value.front() == '"' && value.back() == '"';
  if (!quoted || value.find('/') == std::string::npos) return value;
  const std::filesystem::path path(value.substr(1, value.size() - 2));
  return (path.parent_path().filename() / path.stem()).string();
}

// The first `named` settings are those of a list's entry that has a name.
StudyRun make_run(const Study& study, const std::vector<Setting>& settings,
                  const std::map<std::string, std::string>& short_key, std::string name,
                  size_t named) {
  StudyRun run;
  run.scenario_path = study.base;
  for (size_t i = 0; i < settings.size(); ++i) {
    const auto& [key, value] = settings[i];
    run.sets.push_back(key + "=" + value);
    if (i >= named) name += (name.empty() ? "" : ",") + short_key.at(key) + "=" + in_name(value);
  }
  run.name = as_file_name(name.empty() ? stem(study.base) : name);
  return run;
}

}  // namespace

std::vector<StudyRun> expand(const Study& study) {
  check(study);
  const auto short_key = short_keys(study);
  const std::vector<std::vector<Setting>> one_without_settings(1);
  size_t combinations = 1;
  for (const auto& [key, values] : study.grid) combinations *= values.size();

  std::vector<StudyRun> runs;
  std::set<std::string> names;
  Problems problems;
  const auto& list = study.list.empty() ? one_without_settings : study.list;
  for (size_t entry = 0; entry < list.size(); ++entry) {
    const std::string name = entry < study.list_names.size() ? study.list_names[entry] : "";
    for (size_t i = 0; i < combinations; ++i) {
      std::vector<Setting> settings = list[entry];
      for (Setting& setting : combination(study, i)) settings.push_back(std::move(setting));
      runs.push_back(
          make_run(study, settings, short_key, name, name.empty() ? 0 : list[entry].size()));
      if (!names.insert(runs.back().name).second)
        problems.add({}, "", "two runs alike: " + runs.back().name);
    }
  }
  if (!problems.empty()) throw InputError(problems);
  return runs;
}

std::vector<StudyRun> runs_of(const std::vector<std::string>& scenario_paths,
                              const std::vector<std::string>& sets) {
  std::vector<StudyRun> runs;
  std::set<std::string> names;
  for (const std::string& path : scenario_paths) {
    const std::string plain = as_file_name(stem(path));
    std::string name = plain;
    for (int i = 2; !names.insert(name).second; ++i) name = fmt::format("{}-{}", plain, i);
    runs.push_back({name, path, sets});
  }
  return runs;
}

std::vector<std::string> keys_set(const std::vector<StudyRun>& runs) {
  std::vector<std::string> keys;
  std::set<std::string_view> seen;
  for (const StudyRun& run : runs) {
    for (const std::string& set : run.sets) {
      const std::string_view key = std::string_view(set).substr(0, set.find('='));
      if (seen.insert(key).second) keys.emplace_back(key);
    }
  }
  return keys;
}

std::string value_set(const StudyRun& run, std::string_view key) {
  std::string value;
  for (const std::string& set : run.sets) {
    const size_t equals = std::min(set.find('='), set.size());
    if (std::string_view(set).substr(0, equals) == key)
      value = set.substr(std::min(equals + 1, set.size()));
  }
  return value;
}

std::string fingerprint(std::string_view input_text, const std::vector<std::string>& sets,
                        std::string_view version) {
  uint64_t hash = hash_of(input_text, hash_of(version));
  for (const std::string& set : sets) hash = hash_of(set, hash);
  return fmt::format("{:016x}", hash);
}

}  // namespace moesim
