#include "batch/study_filter.hpp"

#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

const std::string kBase = std::string("workload: {base: ") + MOESIM_SOURCE_DIR +
                          "/workloads/qwen3-30b-a3b.yaml}\nplatform: {base: " + MOESIM_SOURCE_DIR +
                          "/platforms/h100-sxm.yaml, gpus: 16}\nbatch: {global_batch: 64, "
                          "sequence_length: 1024}\n";

std::vector<StudyRun> runs() {
  return expand(
      {.base = "s.yaml", .grid = {{"plan.ep", {"4", "8", "16"}}, {"plan.pp", {"1", "2", "4"}}}});
}

std::vector<std::string> names(const std::string& condition) {
  const MemoryFiles files({{"s.yaml", kBase}}, &disk_files());
  std::vector<std::string> found;
  for (const StudyRun& run : runs_where(condition, "study.yaml", runs(), files))
    found.push_back(run.name);
  return found;
}

}  // namespace

TEST_CASE("a condition sees keys that the study sets, and all others of the scenario") {
  CHECK(names("").size() == 9);
  CHECK(names("ep * pp == platform.gpus") ==
        std::vector<std::string>{"ep=4,pp=4", "ep=8,pp=2", "ep=16,pp=1"});
  CHECK(names("plan.ep > 8 and pp = 2") == std::vector<std::string>{"ep=16,pp=2"});
  CHECK(names("batch.global_batch == 4 * platform.gpus and ep = 4 and pp = 1").size() == 1);
}

TEST_CASE("a condition that is none, or true of nothing, is an error of the study") {
  CHECK(input_error([] { names("ep >"); }).starts_with("study.yaml: where: \"ep >\""));
  CHECK(input_error([] { names("epp > 1"); }) ==
        "study.yaml: where: \"epp\" is no key of the scenarios (did you mean \"ep\"?)");
  CHECK(input_error([] { names("ep > 100"); }) == "study.yaml: where: is true of none of the runs");
}

TEST_CASE("shards are disjoint and together all") {
  std::vector<std::string> seen;
  for (const char* shard : {"1/4", "2/4", "3/4", "4/4"})
    for (const StudyRun& run : shard_of(shard, runs())) seen.push_back(run.name);
  CHECK(seen.size() == 9);
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
  for (const char* wrong : {"0/4", "5/4", "4", "1/", "/4", "a/4", "1/4x", "-1/4"})
    CHECK(input_error([&] { shard_of(wrong, runs()); }).starts_with("--shard: expected"));
}
