#include "batch/sweep.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

std::vector<std::string> names_of(const std::vector<StudyRun>& runs) {
  std::vector<std::string> names;
  for (const StudyRun& run : runs) names.push_back(run.name);
  return names;
}

std::string error_of(const Study& study) {
  return input_error([&] { expand(study); });
}

}  // namespace

TEST_CASE("a grid is every combination, the last key fastest") {
  const auto runs =
      expand({.base = "a/b.yaml",
              .grid = {{"plan.ep", {"8", "16"}}, {"routing.kind", {"uniform", "zipf"}}}});
  REQUIRE(runs.size() == 4);
  CHECK(names_of(runs) == std::vector<std::string>{"ep=8,kind=uniform", "ep=8,kind=zipf",
                                                   "ep=16,kind=uniform", "ep=16,kind=zipf"});
  CHECK(runs[1].scenario_path == "a/b.yaml");
  CHECK(runs[1].sets == std::vector<std::string>{"plan.ep=8", "routing.kind=zipf"});
  CHECK(keys_set(runs) == std::vector<std::string>{"plan.ep", "routing.kind"});
  CHECK(value_set(runs[2], "plan.ep") == "16");
  CHECK(value_set(runs[2], "plan.tp") == "");
}

TEST_CASE("a list is run as it stands, and the grid for each of it") {
  const Study study{.base = "b.yaml",
                    .grid = {{"batch.micro_batch", {"1", "2"}}},
                    .list = {{{"plan.tp", "1"}, {"plan.ep", "16"}}, {{"plan.tp", "2"}}}};
  CHECK(names_of(expand(study)) ==
        std::vector<std::string>{"tp=1,ep=16,micro_batch=1", "tp=1,ep=16,micro_batch=2",
                                 "tp=2,micro_batch=1", "tp=2,micro_batch=2"});
  CHECK(keys_set(expand(study)) ==
        std::vector<std::string>{"plan.tp", "plan.ep", "batch.micro_batch"});
}

TEST_CASE("a study of nothing is its base") {
  CHECK(names_of(expand({.base = "x/qwen3.yaml"})) == std::vector<std::string>{"qwen3"});
}

TEST_CASE("keys that end alike are named in full") {
  const auto runs = expand(
      {.base = "b", .grid = {{"plan.kind", {"a"}}, {"routing.kind", {"b"}}, {"plan.ep", {"1"}}}});
  CHECK(runs[0].name == "plan.kind=a,routing.kind=b,ep=1");
}

TEST_CASE("names are file names, and stay different") {
  const auto runs =
      expand({.base = "b", .grid = {{"platform", {"a/b", "a b", "../x", std::string(300, 'y')}}}});
  for (const StudyRun& run : runs) {
    CHECK(run.name.size() <= 120);
    CHECK(run.name.find_first_of("/ ") == std::string::npos);
  }
  CHECK(runs[0].name.find("platform=a_b-") == 0);
  CHECK(runs[1].name.find("platform=a_b-") == 0);
  CHECK(runs[0].name != runs[1].name);
  CHECK(runs_of({"/x/.hidden.yaml"}, {})[0].name.front() == '_');
}

TEST_CASE("all that is wrong with a study is said at once") {
  CHECK(error_of({.grid = {{"a", {}}, {"b", {"1"}}, {"b", {"2"}}},
                  .list = {{{"b", "1"}, {"c", "1"}, {"c", "2"}}}}) ==
        "base: is missing: the scenario that the study varies\n"
        "grid.a: has no values\n"
        "grid.b: is given twice\n"
        "list[0].b: is in the grid too\n"
        "list[0].c: is given twice");
  CHECK(error_of({.base = "b", .grid = {{"a", {"1", "2", "1"}}}}) == "two runs alike: a=1");
  const std::vector<std::string> many(1000, "x");
  CHECK(error_of({.base = "b", .grid = {{"a", many}, {"b", many}, {"c", many}, {"d", many}}}) ==
        "grid: has more than 100000 combinations");
}

TEST_CASE("scenario files of the same name are numbered") {
  const auto runs = runs_of({"a/x.yaml", "b/x.yaml", "y.yaml", "c/x.yml"}, {"plan.ep=8"});
  CHECK(names_of(runs) == std::vector<std::string>{"x", "x-2", "y", "x-3"});
  CHECK(runs[1].scenario_path == "b/x.yaml");
  CHECK(runs[1].sets == std::vector<std::string>{"plan.ep=8"});
}

TEST_CASE("a value may hold equals signs, and the last setting of a key counts") {
  const StudyRun run{"n", "s", {"a=1", "b", "a=x=y"}};
  CHECK(value_set(run, "a") == "x=y");
  CHECK(value_set(run, "b") == "");
  CHECK(keys_set({run}) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a fingerprint tells apart what is different") {
  const std::string base = fingerprint("text", {"a=1", "b=2"}, "0.1");
  CHECK(base == fingerprint("text", {"a=1", "b=2"}, "0.1"));
  CHECK(base.size() == 16);
  CHECK(base != fingerprint("texT", {"a=1", "b=2"}, "0.1"));
  CHECK(base != fingerprint("text", {"a=1", "b=3"}, "0.1"));
  CHECK(base != fingerprint("text", {"b=2", "a=1"}, "0.1"));
  CHECK(base != fingerprint("text", {"a=1b=2"}, "0.1"));
  CHECK(base != fingerprint("text", {"a=1", "b=2"}, "0.2"));
}
