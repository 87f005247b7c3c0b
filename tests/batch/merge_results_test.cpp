#include "batch/merge_results.hpp"

#include "base/files.hpp"
#include "batch/batch.hpp"
#include "batch/study_filter.hpp"
#include "catch.hpp"
#include "fixtures/input_error.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;

namespace {

std::vector<StudyRun> all_runs() {
  return expand({.base = "s.yaml", .grid = {{"n", {"0", "1", "2", "3", "4", "5", "6"}}}});
}

void sweep(const std::vector<StudyRun>& runs, const std::filesystem::path& folder,
           const std::string& text = "") {
  BatchWork work;
  work.simulate = [](const StudyRun& run) {
    StepReport report;
    report.step_time_s = std::stod(value_set(run, "n"));
    return report;
  };
  work.input_text = [text](const StudyRun&) { return text; };
  work.refuse = [](const StudyRun& run) {
    return std::string(run.name == "n=2" ? "n: two is too few" : "");
  };
  run_batch(runs, work, {.out_folder = folder.string(), .version = "1"});
  std::vector<std::string> names;
  for (const StudyRun& run : all_runs()) names.push_back(run.name);
  write_order(folder, names);
}

// Without the wall time, which no two runs share.
std::string without_wall(std::string text) {
  std::string kept;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    size_t comma = 0;
    for (int i = 0; i < 3; ++i) comma = line.find(',', comma) + 1;
    kept += line.substr(0, comma) + line.substr(line.find(',', comma)) + "\n";
    begin = end + 1;
  }
  return kept;
}

}  // namespace

TEST_CASE("shards that are merged are the study in one") {
  const TemporaryFolder folder;
  const auto at = [&](const char* name) { return folder.path() / name; };
  sweep(all_runs(), at("whole"));
  for (const char* shard : {"1/3", "2/3", "3/3"})
    sweep(shard_of(shard, all_runs()), at(std::string(1, shard[0]).c_str()));
  const MergeCounts counts = merge_results({at("2"), at("3"), at("1")}, at("merged"));
  CHECK(counts.runs == 7);
  CHECK(counts.missing.empty());
  CHECK(without_wall(text_of(at("merged") / "results.csv")) ==
        without_wall(text_of(at("whole") / "results.csv")));
  CHECK(text_of(at("merged") / "n=2.json").find("\"skipped\"") != std::string::npos);
  // The merged folder is one that a sweep takes up: nothing is simulated again.
  BatchWork none;
  none.simulate = [](const StudyRun&) -> StepReport { throw RunError("simulated again"); };
  none.input_text = [](const StudyRun&) { return ""; };
  CHECK(
      run_batch(all_runs(), none, {.out_folder = at("merged").string(), .version = "1"}).skipped ==
      7);
}

TEST_CASE("a merge says what is missing, and refuses to mix studies") {
  const TemporaryFolder folder;
  const auto at = [&](const char* name) { return folder.path() / name; };
  sweep(shard_of("1/2", all_runs()), at("1"));
  sweep(shard_of("1/2", all_runs()), at("other"), "another scenario");
  const MergeCounts counts = merge_results({at("1")}, at("merged"));
  CHECK(counts.runs == 4);
  CHECK(counts.missing == std::vector<std::string>{"n=1", "n=3", "n=5"});
  CHECK(input_error([&] {
          merge_results({at("1"), at("other")}, at("mixed"));
        }).find("differ in what they simulate") != std::string::npos);
}
