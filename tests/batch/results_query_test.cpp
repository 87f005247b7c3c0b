#include "batch/results_query.hpp"

#include "base/files.hpp"
#include "catch.hpp"
#include "fixtures/input_error.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;

namespace {

StoredRun run(const std::string& name, const std::string& ep, double step_s, bool fits) {
  StoredRun r;
  r.run = {name, "s.yaml", {"plan.ep=" + ep}, "f", "done", 1, 0, ""};
  r.report.step_time_s = step_s;
  r.report.tokens_per_s = 100 / step_s;
  r.report.mfu = 0.5 / step_s;
  r.report.breakdown_s.bubble = step_s / 4;
  StageMemory stage;
  stage.fits = fits;
  stage.capacity_bytes = 1;
  r.report.memory.push_back(stage);
  return r;
}

std::vector<StoredRun> runs() {
  StoredRun failed;
  failed.run = {"c", "s.yaml", {"plan.ep=3"}, "f", "failed", 1, 0, "why"};
  return {run("a", "8", 2, true), run("b", "16", 1, true), failed, run("d", "4", 0.5, false)};
}

std::vector<std::string> names(const std::string& where, const std::string& sort = "") {
  std::vector<std::string> found;
  for (const auto& row : query_results(runs(), {where, sort, {"name"}}).rows)
    found.push_back(row[0]);
  return found;
}

}  // namespace

TEST_CASE("runs are chosen and sorted by any of their figures") {
  using Names = std::vector<std::string>;
  CHECK(names("", "tokens_per_s") == Names{"d", "b", "a", "c"});
  CHECK(names("", "-tokens_per_s") == Names{"a", "b", "d", "c"});
  CHECK(names("", "step_time_s") == Names{"d", "b", "a", "c"});
  CHECK(names("fits and mfu > 0.3") == Names{"b"});
  CHECK(names("plan.ep >= 8") == Names{"a", "b"});
  CHECK(names("ep = 3") == Names{"c"});
  CHECK(names("status == 'failed'") == Names{"c"});
  CHECK(names("breakdown_s.bubble < 0.2") == Names{"d"});
}

TEST_CASE("times and memory are better small, whatever their names end in") {
  for (const char* figure : {"step_time_s", "breakdown_s.exposed_ep", "memory_most_bytes"})
    CHECK(less_is_better(figure));
  for (const char* figure : {"tokens_per_s", "mfu", "devices"}) CHECK_FALSE(less_is_better(figure));
}

TEST_CASE("three formats of the same table") {
  const ResultsTable table =
      query_results(runs(), {"fits", "step_time_s", {"name", "ep", "step_time_s"}});
  CHECK(results_text(table, ResultsFormat::csv) == "name,ep,step_time_s\nb,16,1\na,8,2\n");
  CHECK(results_text(table, ResultsFormat::table) ==
        "name  ep  step_time_s\nb     16            1\na     8             2\n");
  CHECK(results_text(table, ResultsFormat::json).find("\"step_time_s\": 1") != std::string::npos);
}

TEST_CASE("without columns: the name, what the runs set, and the usual figures") {
  const ResultsTable table = query_results(runs(), {});
  CHECK(table.columns == std::vector<std::string>{"name", "plan.ep", "status", "step_time_s",
                                                  "tokens_per_s", "mfu", "memory_verdict"});
  CHECK(table.rows[2][3] == "");
}

TEST_CASE("a name that no run knows is an error with a near one") {
  CHECK(input_error([] { names("mfuu > 1"); }) ==
        "--where: \"mfuu\" is no figure of these runs (did you mean \"mfu\"?)");
  CHECK(input_error([] {
          names("", "step_time");
        }).starts_with("--sort: \"step_time\" is no figure"));
  CHECK(input_error([] {
          query_results(runs(), {"", "", {"nme"}});
        }).starts_with("--columns: \"nme\" is no figure"));
}

TEST_CASE("a folder without runs is an error") {
  const TemporaryFolder folder;
  CHECK(input_error([&] { runs_in(folder.path()); }).find("holds no run") != std::string::npos);
  CHECK(input_error([] { runs_in("/none/such"); }) == "/none/such: is no folder of results");
  replace_file((folder.path() / "a.json").string(), stored_run_json(runs()[0], {}));
  REQUIRE(runs_in(folder.path()).size() == 1);
  CHECK(runs_in(folder.path())[0].run.name == "a");
}
