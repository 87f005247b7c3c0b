#include "batch/study_filter.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <map>

#include "base/diagnostics.hpp"
#include "base/expression.hpp"
#include "base/text.hpp"
#include "config/key_table.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"

namespace moesim {

namespace {

// Full keys by what a condition may call them.
std::map<std::string, std::string> short_names(const std::vector<StudyRun>& runs) {
  std::map<std::string, std::string> names;
  for (const std::string& key : keys_set(runs)) {
    const std::string last = key.substr(key.rfind('.') + 1);
    const bool twice = names.count(last) > 0 && names[last] != key;
    names[last] = twice ? "" : key;
  }
  std::erase_if(names, [](const auto& name) { return name.second.empty(); });
  return names;
}

class Values {
 public:
  Values(const KeyTable& table, const std::map<std::string, std::string>& names)
      : table_(table), names_(names) {}

  std::optional<ExpressionValue> operator()(const std::string& name) const {
    const auto full = names_.find(name);
    const KeyEntry* entry = table_.find(name);
    if (entry == nullptr && full != names_.end()) entry = table_.find(full->second);
    if (entry == nullptr) throw InputError(unknown(name));
    if (entry->is_list || entry->values.size() != 1)
      throw InputError(fmt::format("{} is a list", quote(name)));
    return entry->values[0];
  }

 private:
  std::string unknown(const std::string& name) const {
    std::vector<std::string> known;
    for (const auto& [key, entry] : table_.entries()) known.push_back(key);
    for (const auto& [last, key] : names_) known.push_back(last);
    return fmt::format("{} is no key of the scenarios{}", quote(name), hint(name, known));
  }

  const KeyTable& table_;
  const std::map<std::string, std::string>& names_;
};

}  // namespace

std::vector<StudyRun> runs_where(const std::string& condition, const std::string& place,
                                 std::vector<StudyRun> runs, const Files& files) {
  if (condition.empty()) return runs;
  Problems problems;
  try {
    const Expression expression(condition);
    const auto names = short_names(runs);
    std::vector<StudyRun> kept;
    for (StudyRun& run : runs) {
      KeyTable table;
      try {
        const std::string folder = std::filesystem::path(run.scenario_path).parent_path().string();
        table.collect(
            load_unchecked_scenario(run.scenario_path, run.sets, default_search_path(folder), files)
                .scenario);
      } catch (const InputError&) {
        kept.push_back(std::move(run));
        continue;
      }
      if (expression.holds(Values(table, names))) kept.push_back(std::move(run));
    }
    if (!kept.empty()) return kept;
    problems.add({place}, "where", "is true of none of the runs");
  } catch (const InputError& error) {
    problems.add({place}, "where", error.problems().items().front().message);
  }
  throw InputError(problems);
}

std::vector<StudyRun> shard_of(const std::string& shard, const std::vector<StudyRun>& runs) {
  const size_t slash = shard.find('/');
  size_t number = 0, count = 0;
  const auto read = [&](size_t begin, size_t end, size_t& value) {
    const char* last = shard.data() + end;
    const auto [stop, error] = std::from_chars(shard.data() + begin, last, value);
    return error == std::errc() && stop == last;
  };
  const bool sound =
      slash != std::string::npos && read(0, slash, number) && read(slash + 1, shard.size(), count);
  if (!sound || number < 1 || number > count || count > most_runs)
    throw InputError(
        fmt::format("--shard: expected a number and a count, as in 3/16, got {}", quote(shard)));
  std::vector<StudyRun> part;
  for (size_t i = number - 1; i < runs.size(); i += count) part.push_back(runs[i]);
  return part;
}

}  // namespace moesim
