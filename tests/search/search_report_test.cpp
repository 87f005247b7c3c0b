#include "search/search_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "catch.hpp"
#include "fixtures/in_child.hpp"
#include "search/scenario.hpp"

using namespace moesim;

namespace {

// In a child, because the simulations may not fork from a process that simulated.
std::string table(const SearchOptions& options) {
  return in_children(
      {[options] { return search_table(search(load, options), load({}), load); }})[0];
}

}  // namespace

TEST_CASE("a mapping's name has the sizes above 1, and how much is computed again") {
  Plan plan;
  CHECK(mapping_name(plan, {64, 1, 4096}) == "mbs1");
  plan.tp = 2, plan.pp = 8, plan.vpp = 2, plan.ep = 32;
  plan.schedule = ScheduleKind::interleaved;
  plan.recompute = Recompute::full;
  CHECK(mapping_name(plan, {64, 2, 4096}) == "TP2 PP8x2 EP32 mbs2 full");
  plan.vpp = 1;
  plan.schedule = ScheduleKind::dualpipe;
  plan.recompute = Recompute::selective;
  CHECK(mapping_name(plan, {64, 1, 4096}) == "TP2 PP8 EP32 mbs1 sel dualpipe");
}

TEST_CASE("the table names the mapping, and says what the search did not prove") {
  SearchOptions options;
  options.free = parse_axes("tp,ep");
  options.top = 2;
  const std::string text = table(options);
  INFO(text);
  std::string words = text;
  std::replace(words.begin(), words.end(), '\n', ' ');
  CHECK(words.find("the order is found, not proved.") != std::string::npos);
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    CHECK(columns_of(std::string_view(text).substr(begin, end - begin)) <= 80);
    begin = end + 1;
  }
}

TEST_CASE("JSON has the counts, the reasons and the reports") {
  SearchResult result;
  result.mappings = 3;
  result.fitting = result.estimated = result.simulated = 1;
  result.rejected["out of memory"] = 2;
  FoundMapping found{{"plan.ep=2"}, 1.5, {}};
  found.report.step_time_s = 1.25;
  result.best.push_back(found);
  const auto json = nlohmann::json::parse(search_json(result));
  CHECK(json["rejected"]["out of memory"] == 2);
  CHECK(json["best"][0]["set"][0] == "plan.ep=2");
  CHECK(json["best"][0]["estimate_s"] == 1.5);
  CHECK(json["best"][0]["report"]["step_time_s"] == 1.25);
}
