#include "report/compare.hpp"

#include <cmath>
#include <sstream>

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "report/format.hpp"
#include "report/json.hpp"
#include "sample_report.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

Comparison compare(std::vector<NamedReport> reports) { return compare_reports(reports); }

double change(const NamedReport& before, const NamedReport& after) {
  return compare({before, after}).step_time_changes.at(0);
}

NamedReport named(const std::string& name, const StepReport& report) {
  return {name, json_text(report)};
}

std::string line_with(const std::string& text, const std::string& begin) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (line.rfind("  " + begin, 0) == 0) return line;
  return "";
}

}  // namespace

TEST_CASE("two reports stand side by side with the relative change") {
  StepReport after = scaled_report(1.1);
  after.breakdown_s.exposed_tp = 0.5;
  const Comparison found = compare({named("a.json", sample_report()), named("b.json", after)});
  CHECK(found.step_time_changes.at(0) == Approx(0.1));
  CHECK(line_with(found.text, "step time") ==
        "  step time                        20.13 s           22.14 s        +10.00 %");
  CHECK(line_with(found.text, "MFU") ==
        "  MFU                               24.6 %            24.6 %               =");
  CHECK(line_with(found.text, "exposed TP") ==
        "  exposed TP                       0.000 s           0.500 s             new");
  CHECK(line_with(found.text, "exposed CP").empty());
  CHECK(line_with(found.text, "fullest stage").find("56.66 GB") != std::string::npos);
  std::istringstream stream(found.text);
  for (std::string line; std::getline(stream, line);) CHECK(columns_of(line) <= 80);
}

TEST_CASE("equal reports differ in nothing") {
  const Comparison found = compare({named("a", sample_report()), named("b", sample_report())});
  CHECK(found.step_time_changes.at(0) == 0);
  CHECK(found.text.find('+') == std::string::npos);
  CHECK(found.text.find("new") == std::string::npos);
}

TEST_CASE("a change in the worse and the better direction has its sign") {
  const NamedReport slow = named("slow", scaled_report(2)), fast = named("fast", sample_report());
  CHECK(change(slow, fast) == Approx(-0.5));
  CHECK(change(fast, slow) == Approx(1));
  StepReport none;
  CHECK(std::isinf(change(named("none", none), fast)));
}

TEST_CASE("a report of another version shows what it lacks") {
  const Comparison found =
      compare({{"old", R"({"step_time_s": 2.5})"}, named("new", sample_report())});
  CHECK(line_with(found.text, "MFU") ==
        "  MFU                                    -            24.6 %");
  CHECK(found.text.find("platform") == std::string::npos);
  CHECK(found.text.find("model.parameters_total") == std::string::npos);
  CHECK(found.step_time_changes.at(0) == Approx(20.13 / 2.5 - 1));
}

TEST_CASE("what is no report is an input error, both at once") {
  const std::vector<NamedReport> bad = {
      {"a.json", "{\"step_time_s\": "}, {"b.json", "[1, 2]"}, {"c.json", "{\"mfu\": 1}"}};
  CHECK_THROWS_WITH(compare(bad),
                    "a.json: is no JSON object\n"
                    "b.json: is no JSON object\n"
                    "c.json: step_time_s: is missing: not a report of moesim run --format json");
  CHECK_THROWS_WITH(compare({named("a", sample_report())}), "compare: needs two reports or more");
}

TEST_CASE("settings that differ stand first, with units, and no others") {
  StepReport after = sample_report();
  after.plan.items[0].scalar = int64_t{16};
  after.platform.items[2].scalar = 100e9;
  after.seed = 8;
  const std::string text = compare({named("a", sample_report()), named("b", after)}).text;
  CHECK(line_with(text, "plan.ep ") ==
        "  plan.ep                                8                16");
  CHECK(line_with(text, "seed") == "  seed                                   7                 8");
  CHECK(line_with(text, "platform.nic_bytes_per_s") ==
        "  platform.nic_bytes_per_s      50.00 GB/s        100.0 GB/s");
  StepReport slow = after;
  slow.plan.items[2].scalar = std::string("Et*4|(t*4|)*14tmL");
  const std::string stacked =
      compare({named("a", sample_report()), named("b", after), named("c", slow)}).text;
  CHECK(stacked.find("seed") < stacked.find("step time"));
  CHECK(stacked.find("c                 Et*4|(t*4|)*14tmL\n") != std::string::npos);
  CHECK(text.find("plan.ep_overlap") == std::string::npos);
  CHECK(text.find("platform.gpus") == std::string::npos);
  CHECK(text.find("plan.ep ") < text.find("step time"));
}

TEST_CASE("faults of one report alone are a setting that differs") {
  StepReport faulty = sample_report();
  faulty.faults = "node 0 at 50 %";
  CHECK(line_with(compare({named("a", sample_report()), named("b", faulty)}).text, "faults") ==
        "  faults                                 -    node 0 at 50 %");
}

TEST_CASE("settings that round to the same text are shown in full") {
  StepReport after = sample_report();
  after.platform.items[2].key = "nic_s";
  after.platform.items[2].scalar = 1.00001e-6;
  StepReport before = after;
  before.platform.items[2].scalar = 1.00002e-6;
  CHECK(line_with(compare({named("a", before), named("b", after)}).text, "platform.nic_s") ==
        "  platform.nic_s               1.00002e-06       1.00001e-06");
}

TEST_CASE("any number of reports stand in blocks of 80 columns, each beside the first") {
  std::vector<NamedReport> reports;
  for (int i = 0; i < 6; ++i)
    reports.push_back(
        named("folder/run" + std::to_string(i) + ".json", scaled_report(1 + 0.1 * i)));
  const Comparison found = compare(reports);
  REQUIRE(found.step_time_changes.size() == 5);
  CHECK(found.step_time_changes[4] == Approx(0.5));
  size_t steps = 0;
  std::istringstream stream(found.text);
  for (std::string line; std::getline(stream, line);) {
    CHECK(columns_of(line) <= 80);
    steps += line.rfind("  step time", 0) == 0;
  }
  CHECK(steps == 3);
  CHECK(line_with(found.text, "step time") ==
        "  step time                20.13 s     22.14 s   +10.00 %     24.16 s   +20.00 %");
}

TEST_CASE("reports whose names look alike are numbered") {
  const std::string far = "/a/very/long/way/to/the/report.json";
  const StepReport report = sample_report();
  const std::string text =
      compare({named("1" + far, report), named("2" + far, report), named("3", report)}).text;
  CHECK(text.find("#2: 2" + far + "\n") != std::string::npos);
  CHECK(compare({named("1" + far, report), named("2" + far, report)}).text.find("before") !=
        std::string::npos);
}
