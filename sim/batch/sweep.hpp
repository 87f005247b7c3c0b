// A study is a base scenario and the settings to try; this stage turns it into the list of runs,
// each a scenario with settings, under a name that stays the same when values are added to the
// study, so that finished runs are found again. Knows neither YAML nor whether a key exists: the
// reader of scenarios says so for each run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moesim {

// Key path and value as text, e.g. {"plan.ep", "16"}.
using Setting = std::pair<std::string, std::string>;

struct Study {
  std::string title;
  std::string base;  // path of the scenario
  // Every combination is run; the last key varies fastest.
  std::vector<std::pair<std::string, std::vector<std::string>>> grid;
  // Hand-picked sets of settings; the grid, where there is one too, is run for each of them.
  std::vector<std::vector<Setting>> list;
  std::vector<std::string> list_names;  // of the sets in list; "" or missing: named after settings
  std::string where;                    // a condition on the keys of a run; empty: all are run
};

struct StudyRun {
  std::string name;  // a file name: letters, digits and -_.,=+
  std::string scenario_path;
  std::vector<std::string> sets;  // as given to --set: "plan.ep=16"
};

inline constexpr size_t most_runs = 100'000;

// Throws InputError, with all problems, on: no base, a key without values, a key given twice, two
// runs alike, more than most_runs runs.
std::vector<StudyRun> expand(const Study& study);

// Runs of whole scenario files, with the same settings for all; named after the files, and numbered
// from the second of the same name on.
std::vector<StudyRun> runs_of(const std::vector<std::string>& scenario_paths,
                              const std::vector<std::string>& sets);

// The keys that a run sets, of all runs, in order of first appearance.
std::vector<std::string> keys_set(const std::vector<StudyRun>& runs);

// The value that a run gives to a key (the last one counts), or "" when it does not set it.
std::string value_set(const StudyRun& run, std::string_view key);

// 16 hexadecimal digits that change when anything does that the result depends on. input_text
// should hold all of the input, such as the resolved scenario; settings that change nothing in it
// need not be given.
std::string fingerprint(std::string_view input_text, const std::vector<std::string>& sets,
                        std::string_view version);

}  // namespace moesim
