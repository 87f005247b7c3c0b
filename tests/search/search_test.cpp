#include "search/search.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/tiny.hpp"
#include "run/run_step.hpp"
#include "search/scenario.hpp"

using namespace moesim;

namespace {

double step_s(const std::vector<std::string>& sets) {
  return std::stod(in_children(
      {[sets] { return fmt::format("{:.17g}", run_step(load(sets), {}).report.step_time_s); }})[0]);
}

}  // namespace

TEST_CASE("a search over one axis finds what simulating all of it finds") {
  SearchOptions options;
  options.free = parse_axes("ep");
  options.jobs = 2;
  const SearchResult result = search(load, options);
  CHECK(result.mappings == 5);
  CHECK(result.fitting == 5);
  CHECK(result.estimated == 5);
  REQUIRE(result.best.size() == 5);
  double fastest = 1e9;
  for (const int ep : {1, 2, 4, 8, 16})
    fastest = std::min(fastest, step_s({fmt::format("plan.ep={}", ep)}));
  CHECK(result.best[0].report.step_time_s == Approx(fastest).epsilon(1e-9));
  for (size_t i = 1; i < 5; ++i)
    CHECK(result.best[i].report.step_time_s >= result.best[i - 1].report.step_time_s);
  for (const FoundMapping& found : result.best)
    CHECK(found.estimate_s == Approx(found.report.step_time_s).epsilon(0.03));
}

TEST_CASE("what does not fit is counted, and never recommended") {
  SearchOptions options;
  options.free = parse_axes("ep,recompute");
  const LoadMapping small = [](std::vector<std::string> sets) {
    sets.push_back("platform.device.memory_bytes=4 GB");
    sets.push_back("platform.memory_reserve=0");
    return load(sets);
  };
  const SearchResult result = search(small, options);
  int rejected = 0;
  for (const auto& [reason, count] : result.rejected) rejected += count;
  CHECK(result.mappings == 15);
  CHECK(result.fitting + rejected >= result.mappings);
  CHECK(result.rejected.count("out of memory") == 1);
  for (const FoundMapping& found : result.best) CHECK(found.report.fits());
}

TEST_CASE("short steps are full pipelines, and no longer than the step") {
  Plan plan;
  CHECK(short_steps(plan, 6).first == 0);
  CHECK(short_steps(plan, 100).second == 4);
  plan.pp = 4;
  CHECK(short_steps(plan, 24).first == 0);
  CHECK(short_steps(plan, 64).first == 8);
  CHECK(short_steps(plan, 64).second == 16);
}

TEST_CASE("a wafer system has no mappings to search") {
  const LoadMapping wafer = [](std::vector<std::string> sets) {
    sets.push_back("platform=cs3");
    sets.push_back("batch.global_batch=auto");
    return load(sets);
  };
  CHECK_THROWS_AS(search(wafer, {}), InputError);
}
