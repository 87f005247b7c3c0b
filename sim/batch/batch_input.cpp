#include "batch/batch_input.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/diagnostics.hpp"
#include "config/scenario.hpp"

namespace moesim {
namespace {

void check_readable(const std::vector<StudyRun>& runs, const Files& files) {
  Problems problems;
  std::set<std::string> seen;
  for (const StudyRun& run : runs) {
    if (!seen.insert(run.scenario_path).second) continue;
    const FileText file = files.read(run.scenario_path);
    if (!file.error.empty()) problems.add({run.scenario_path}, "", file.error);
  }
  if (!problems.empty()) throw InputError(problems);
}

// Returns what one run has to say against the settings.
std::vector<Problem> problems_of_sets(const StudyRun& run, const std::vector<std::string>& sets,
                                      const Files& files) {
  std::vector<Problem> problems;
  try {
    load_scenario(run.scenario_path, run.sets, files);
  } catch (const InputError& error) {
    const auto given = [&](const std::string& set, const Problem& p) {
      return p.place.file == "--set " + set;
    };
    for (const Problem& problem : error.problems().items())
      if (std::any_of(sets.begin(), sets.end(),
                      [&](const std::string& set) { return given(set, problem); }))
        problems.push_back(problem);
  }
  return problems;
}

}  // namespace

void check_batch_input(const std::vector<StudyRun>& runs, const std::vector<std::string>& sets,
                       const Files& files) {
  check_readable(runs, files);
  if (runs.empty() || sets.empty()) return;
  std::vector<Problem> common = problems_of_sets(runs[0], sets, files);
  for (size_t i = 1; i < runs.size() && !common.empty(); ++i) {
    const std::vector<Problem> problems = problems_of_sets(runs[i], sets, files);
    std::erase_if(common, [&](const Problem& wanted) {
      return std::none_of(problems.begin(), problems.end(), [&](const Problem& problem) {
        return problem.place.file == wanted.place.file && problem.path == wanted.path;
      });
    });
  }
  Problems all;
  for (Problem& problem : common)
    all.add(std::move(problem.place), std::move(problem.path), std::move(problem.message));
  if (!all.empty()) throw InputError(all);
}

}  // namespace moesim
