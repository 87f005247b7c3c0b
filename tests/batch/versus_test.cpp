#include "batch/versus.hpp"

#include <fmt/format.h>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

// One GPU machine and one wafer with these tokens/s, and 10 and 20 kW.
std::vector<VersusRun> runs_with(double first, double second) {
  std::vector<VersusRun> runs(2);
  runs[0].report.tokens_per_s = first;
  runs[0].power_w = 10e3;
  runs[1].report.tokens_per_s = second;
  runs[1].power_w = 20e3;
  return runs;
}

Study study_of(const std::string& base) {
  Study study;
  study.title = "two pods";
  study.base = fmt::format("{}/scenarios/{}.yaml", MOESIM_SOURCE_DIR, base);
  study.list = {{{"batch.global_batch", "64"}}, {{"batch.global_batch", "64"}, {"plan.ep", "8"}}};
  study.list_names = {"EP16", "EP8"};
  study.grid = {{"batch.sequence_length", {"512", "1024"}}, {"plan.tp", {"1", "3"}}};
  return study;
}

}  // namespace

TEST_CASE("the advantage is in tokens per joule") {
  CHECK(*advantage(runs_with(100, 400), 1) == Approx(2));  // four times the tokens, twice the power
  CHECK(*advantage(runs_with(100, 400), 0) == Approx(1));
  std::vector<VersusRun> unknown = runs_with(100, 400);
  unknown[1].power_w = 0;
  CHECK_FALSE(advantage(unknown, 1));
  std::vector<VersusRun> refused = runs_with(100, 400);
  refused[0].reason = "does not divide";
  CHECK_FALSE(advantage(refused, 1));
  std::vector<VersusRun> full = runs_with(100, 400);
  full[1].report.memory.push_back({});
  full[1].report.memory[0].fits = false;
  CHECK_FALSE(advantage(full, 1));
}

TEST_CASE("the crossover lies between neighbours, on logarithmic scales") {
  // The advantage is 1/4 at 16 and 4 at 256: 1 in the geometric middle, 64.
  VersusAxis axis{"batch.global_batch", {"16", "256"}, {runs_with(400, 200), runs_with(100, 800)}};
  CHECK(*advantage(axis.runs[0], 1) == Approx(0.25));
  CHECK(*crossover(axis, 1) == Approx(64));
  axis.runs[0] = runs_with(100, 300);
  CHECK_FALSE(crossover(axis, 1));  // ahead everywhere
  axis.runs[0] = runs_with(400, 200);
  axis.values = {"small", "large"};
  CHECK_FALSE(crossover(axis, 1));
}

TEST_CASE("machines have names, and there are two to four") {
  Study study = study_of("qwen3-30b-a3b-h100x16");
  study.list_names = {"EP16"};
  CHECK_THROWS_WITH(versus(study, {}), "list[1].name: is missing: which machine");
  study.list.resize(1);
  CHECK_THROWS_WITH(versus(study, {}), "list: 1 machines, expected 2 to 4, each with a name");
}

TEST_CASE("each machine runs as the list says, and with one setting after another") {
  VersusOptions options;
  options.pool.jobs = 2;
  const Versus result = versus(study_of("qwen3-30b-a3b-h100x16"), options);
  CHECK(result.machines == std::vector<std::string>{"EP16", "EP8"});
  REQUIRE(result.base.size() == 2);
  for (const VersusRun& run : result.base) {
    INFO(run.reason);
    REQUIRE(run.done());
    CHECK(run.report.devices == 16);
    CHECK(run.power_w == Approx(16 * 700));  // of an H100 SXM, by its datasheet
    CHECK(run.tokens_per_joule() == Approx(run.report.tokens_per_s / 11'200));
    CHECK(run.report.tokens_per_step == 64 * 4096);
  }
  CHECK(result.base[0].report.step_time_s != result.base[1].report.step_time_s);
  REQUIRE(result.axes.size() == 2);
  CHECK(result.axes[0].runs[0][1].report.tokens_per_step == 64 * 512);
  CHECK(result.axes[0].runs[1][1].report.tokens_per_step == 64 * 1024);
  CHECK(result.axes[1].runs[0][0].report.step_time_s == result.base[0].report.step_time_s);
  // 32 heads do not divide by three.
  CHECK_FALSE(result.axes[1].runs[1][0].done());
  CHECK(result.axes[1].runs[1][0].reason.find("tp") != std::string::npos);
}

TEST_CASE("a setting that no machine can read is an error of the call") {
  VersusOptions options;
  options.sets = {"plan.ep=many"};
  CHECK_THROWS_WITH(versus(study_of("qwen3-30b-a3b-h100x16"), options),
                    Catch::Contains("plan.ep: expected an integer, got \"many\""));
}
