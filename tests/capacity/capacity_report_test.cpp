#include "capacity/capacity_report.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

CapacityRow row(const std::string& platform, int devices, double days, double cost) {
  CapacityRow r;
  r.platform = platform;
  r.devices = devices;
  r.mapping = "TP2 PP8x2 EP32 mbs2 full interleaved and more";
  r.tokens = 2e12;
  r.days = {days, days / 1.3, days * 1.3};
  if (cost > 0) r.cost = Estimate{cost, cost / 2, cost * 2};
  r.energy_mwh = 1234.5;
  r.co2_t = 456.7;
  r.meets_deadline = days <= 60;
  r.margin_days = 60 - days;
  r.report.step_time_s = 12.5;
  r.report.mfu = 0.31;
  r.report.breakdown_s.compute = 9;
  r.report.breakdown_s.exposed_ep = 3.5;
  r.report.band = Band{12, 13, 76, "on hopper"};
  return r;
}

CapacityResult result() {
  CapacityResult r;
  r.workload = "qwen3-235b-a22b";
  r.batch = "1024 sequences of 4096 tokens a step";
  r.file.tokens = 2e12;
  r.file.deadline_s = 60 * 86400;
  r.file.machines = {{"h100-sxm", {512, 1024}, PriceRange{2, 3}}, {"mi300x", {512}, std::nullopt}};
  r.rows = {row("h100-sxm", 512, 80, 2.5e6), row("h100-sxm", 1024, 41, 2.6e6),
            row("mi300x", 512, 75, 0)};
  r.rows.push_back(
      {.platform = "a100-sxm", .devices = 128, .reason = "no mapping: 40 of 96 out of memory"});
  r.pareto = {0, 1, 2};
  r.smallest = 1;
  r.best = 1;
  r.upgrades = {{"FLOPS", 11.75}, {"NIC bandwidth", 12.5}};
  return r;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the table answers: best, fewest in time, what more would bring, what is left out") {
  const std::string text = capacity_table(result());
  INFO(text);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    CHECK(columns_of(std::string_view(text).substr(begin, end - begin)) <= 80);
    begin = end + 1;
  }
  std::string words;
  for (const char c : text)
    if (c == '\n' || c == ' ') {
      if (!words.empty() && words.back() != ' ') words += ' ';
    } else {
      words += c;
    }
  CHECK(has(words, "qwen3-235b-a22b: 2.000 T tokens within 60 days; 1024 sequences"));
  CHECK(has(words, "> h100-sxm 1024 41.0 - 2.60M 1.30M 1.23k 457 31.0 +19"));
  CHECK(has(words, "* mi300x 512 75.0 - - - 1.23k 457 31.0 -15"));
  CHECK(has(words, "a100-sxm 128 no mapping: 40 of 96 out of memory"));
  CHECK(has(words, "compute 72 %, EP 28 %"));
  CHECK(
      has(words,
          "cheapest: 1024 h100-sxm: 41 days (31.5 to 53.3), 2.60M $ (1.30M to 5.20M), 1.23k MWh"));
  CHECK(has(words, "fewest in time: 1024 h100-sxm, no mi300x, no a100-sxm"));
  CHECK(has(words, "10 % more FLOPS: -6.0 % of the step, -2.46 days"));
  CHECK(has(words, "money: no price of mi300x"));
  CHECK_FALSE(has(words, "risk:"));
}

TEST_CASE("a deadline that only the fast end meets is a risk") {
  CapacityResult r = result();
  r.rows[1].days.high = 61;
  CHECK(has(capacity_table(r), "risk: the slow end of its range misses the deadline"));
}

TEST_CASE("JSON has the keys of the contract, null where nothing is known") {
  const auto d = nlohmann::json::parse(capacity_json(result()));
  for (const char* key :
       {"platform", "devices", "days", "days_with_failures", "cost", "cost_per_ttokens",
        "energy_mwh", "co2_t", "step_time_s", "mfu", "set", "meets_deadline", "binding"})
    CHECK(d["rows"][0].contains(key));
  CHECK(d["rows"][2]["cost"].is_null());
  CHECK(d["rows"][1]["meets_deadline"] == true);
  CHECK(d["rows"][3]["reason"] == "no mapping: 40 of 96 out of memory");
  CHECK(d["smallest"]["devices"] == 1024);
  CHECK(d["pareto"].size() == 3);
  CHECK(d["upgrades"][0]["quantity"] == "FLOPS");
}

TEST_CASE("a result without a row that can be used says so") {
  CapacityResult r = result();
  r.rows.erase(r.rows.begin(), r.rows.begin() + 3);
  r.pareto.clear();
  r.smallest.reset();
  r.best.reset();
  r.upgrades.clear();
  CHECK(has(capacity_table(r), "none: no candidate can be used"));
  CHECK(nlohmann::json::parse(capacity_json(r))["best"].is_null());
}
