#include "batch/study_file.hpp"

#include <fstream>

#include "catch.hpp"
#include "fixtures/input_error.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;

namespace {

struct StudyText {
  TemporaryFolder folder;
  std::string path;
  explicit StudyText(const std::string& text) : path((folder.path() / "study.yaml").string()) {
    std::ofstream(path) << text;
  }
};

std::string errors_of(const std::string& text) {
  const StudyText file(text);
  std::string what = input_error([&] { load_study(file.path); });
  for (size_t at = 0; (at = what.find(file.path)) != std::string::npos;)
    what.replace(at, file.path.size(), "study.yaml");
  return what;
}

}  // namespace

TEST_CASE("a study: base beside the file, grid values as --set takes them") {
  const StudyText file(
      "title: how many\nnotes: none\nbase: sub/base.yaml\n"
      "grid:\n  plan.ep: [8, 16]\n  routing: [{kind: zipf, exponent: 0.5}, {kind: balanced}]\n"
      "  plan.recompute_modules: [[mlp, moe], []]\n"
      "list:\n  - {plan.tp: 2, workload: tiny}\n  - {plan.tp: 1}\n");
  const Study study = load_study(file.path);
  CHECK(study.title == "how many");
  CHECK(study.base == (file.folder.path() / "sub/base.yaml").string());
  REQUIRE(study.grid.size() == 3);
  CHECK(study.grid[0].first == "plan.ep");
  CHECK(study.grid[0].second == std::vector<std::string>{"8", "16"});
  CHECK(study.grid[1].second ==
        std::vector<std::string>{"{kind: zipf, exponent: 0.5}", "{kind: balanced}"});
  CHECK(study.grid[2].second == std::vector<std::string>{"[mlp, moe]", "[]"});
  REQUIRE(study.list.size() == 2);
  CHECK(study.list[0] == std::vector<Setting>{{"plan.tp", "2"}, {"workload", "tiny"}});
}

TEST_CASE("a quoted value is never shortened, whatever it holds") {
  const std::string layout =
      "Et*5|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*6|t*5L";  // more than 60 letters
  const Study study = load_study(StudyText("base: a.yaml\nlist:\n  - {plan.layout: '" + layout +
                                           "'}\n"
                                           "grid: {name: ['say \"a\\b\"']}\n")
                                     .path);
  CHECK(study.list[0][0].second == '"' + layout + '"');
  CHECK(study.grid[0].second[0] == "\"say \\\"a\\\\b\\\"\"");
}

TEST_CASE("an absolute base stays as it is") {
  CHECK(load_study(StudyText("base: /a/b.yaml\n").path).base == "/a/b.yaml");
}

TEST_CASE("what is wrong with a study, all at once") {
  CHECK(errors_of("[1, 2]\n") == "study.yaml:1:1: expected a map with base, grid, list, title");
  CHECK(errors_of("grid: {plan.ep: [1]}\n") ==
        "study.yaml:1:1: base: missing: the scenario that the study varies");
  CHECK(errors_of("base: [a]\ngrid: {plan.ep: 8}\nlist: [3]\ngird: {}\n") ==
        "study.yaml:1:7: base: expected a path, got a list\n"
        "study.yaml:2:17: grid.plan.ep: expected a list of values, got \"8\"\n"
        "study.yaml:3:8: list: expected a map from keys to values, got \"3\"\n"
        "study.yaml:4:1: gird: is not a key of a study (did you mean \"grid\"?)");
  CHECK_THROWS_WITH(load_study("/none/study.yaml"), "/none/study.yaml: no such file");
}

TEST_CASE("a scenario in place of a study is answered in one sentence") {
  CHECK(errors_of("workload: tiny\nplatform: pod\nbatch: {global_batch: 1}\n") ==
        "study.yaml:1:1: is a scenario, not a study: moesim run study.yaml");
}

TEST_CASE("studies are told from scenarios") {
  CHECK(is_study(StudyText("base: a.yaml\ngrid: {plan.ep: [1]}\n").path));
  CHECK(is_study(StudyText("base: a.yaml\nlist: []\n").path));
  CHECK_FALSE(is_study(StudyText("workload: tiny\n").path));
  CHECK_FALSE(is_study("/none/study.yaml"));
}
