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
  const Comparison found =
      compare_reports(named("a.json", sample_report()), named("b.json", after));
  CHECK(found.step_time_change == Approx(0.1));
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
  const Comparison found =
      compare_reports(named("a", sample_report()), named("b", sample_report()));
  CHECK(found.step_time_change == 0);
  CHECK(found.text.find('+') == std::string::npos);
  CHECK(found.text.find("new") == std::string::npos);
}

TEST_CASE("a change in the worse and the better direction has its sign") {
  const NamedReport slow = named("slow", scaled_report(2)), fast = named("fast", sample_report());
  CHECK(compare_reports(slow, fast).step_time_change == Approx(-0.5));
  CHECK(compare_reports(fast, slow).step_time_change == Approx(1));
  StepReport none;
  CHECK(std::isinf(compare_reports(named("none", none), fast).step_time_change));
}

TEST_CASE("a report of another version shows what it lacks") {
  const Comparison found =
      compare_reports({"old", R"({"step_time_s": 2.5})"}, named("new", sample_report()));
  CHECK(line_with(found.text, "MFU") ==
        "  MFU                                    -            24.6 %");
  CHECK(found.step_time_change == Approx(20.13 / 2.5 - 1));
}

TEST_CASE("what is no report is an input error, both at once") {
  const auto compare = [] {
    return compare_reports({"a.json", "{\"step_time_s\": "}, {"b.json", "[1, 2]"});
  };
  CHECK_THROWS_WITH(compare(),
                    "a.json: is not JSON\n"
                    "b.json: step_time_s: is missing: not a report of moesim run --format json");
}
