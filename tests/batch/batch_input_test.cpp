#include "batch/batch_input.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "config/fixture.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

// a.yaml and b.yaml are sound, and have 16 and 8 devices; broken.yaml is there but holds an error.
std::string error_of(const std::vector<std::string>& paths, const std::vector<std::string>& sets) {
  std::map<std::string, std::string> files;
  for (const auto& [path, text] : preset_files())
    files[path.substr(path.find('/') + 1)] = text;  // without data/
  files["a.yaml"] = kScenario;
  files["b.yaml"] = "workload: tiny\nplatform: {base: pod, gpus: 8}\n" + kBatch;
  files["broken.yaml"] = kScenario + "plan: {tpp: 1}\n";
  return input_error([&] { check_batch_input(runs_of(paths, sets), sets, MemoryFiles(files)); });
}

}  // namespace

TEST_CASE("all scenario files of a batch that cannot be read are named") {
  CHECK(error_of({"a.yaml", "no.yaml", "nor/this.yaml", "no.yaml"}, {"plan.nope=1"}) ==
        "no.yaml: no such file\nnor/this.yaml: no such file");
  CHECK(error_of({"a.yaml", "broken.yaml"}, {}) == "");
}

TEST_CASE("a setting that is wrong in every run is one error") {
  CHECK(
      error_of({"a.yaml", "b.yaml", "broken.yaml"}, {"plan.nope=1", "plan.ep=8", "plan.ep=many"}) ==
      "--set plan.ep=many: plan.ep: expected an integer, got \"many\"\n"
      "--set plan.nope=1: plan.nope: is not a known key");
  CHECK(error_of({"a.yaml"}, {"plan.ep"}) == "--set plan.ep: expected KEY.PATH=VALUE");
  CHECK(error_of({"a.yaml", "b.yaml"}, {"plan.ep=32"})
            .starts_with("--set plan.ep=32: plan.ep: ep x etp x pp"));
}

TEST_CASE("a setting that fits a run is none") {
  CHECK(error_of({"a.yaml", "b.yaml"}, {"plan.ep=8"}) == "");
  CHECK(error_of({"a.yaml", "b.yaml"}, {"plan.ep=16"}) == "");
  // A value that a study sets after it counts.
  StudyRun run{"n", "a.yaml", {"plan.ep=many", "plan.ep=8"}};
  std::map<std::string, std::string> files;
  for (const auto& [path, text] : preset_files()) files[path.substr(path.find('/') + 1)] = text;
  files["a.yaml"] = kScenario;
  CHECK_NOTHROW(check_batch_input({run}, {"plan.ep=many"}, MemoryFiles(files)));
}
