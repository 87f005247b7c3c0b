#include "report/explanation.hpp"

#include <sstream>

#include "base/text.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

Explanation sample() {
  Explanation e;
  e.scenario = "qwen3-30b";
  e.seed = 3;
  e.step_s = 2;
  e.lower_bound_s = 1.5;
  e.bound_by = "device work";
  e.by_operation = {{"grouped_gemm", "compute", "", 1.2, 0.6, 10},
                    {"dispatch", "ep", "", 0.8, 0.4, 4}};
  e.by_link = {{"node0.gpu1.nic.out", "ep", "nic", 0.5, 0.25, 2},
               {"node0.gpu2.nic.out", "ep", "nic", 0.2, 0.1, 1},
               {"latency", "pp", "", 0.1, 0.05, 1}};
  e.sensitivities = {{"nic bandwidth", "50 GB/s", 0.9, 1.1, 2.1, 1.9, -0.5}};
  e.not_varied = {{"etp", "the model has no experts"}};
  e.math = {{"expert GEMMs", "FLOPs / peak", "1e15 / 1e15", 1}};
  e.math_s = 1;
  e.stripped_s = 1.25;
  e.attribution = {{"left out of the formulas", "", 0.25},
                   {"imbalance", "routing.kind", 0.75},
                   {"faults", "", 0}};
  return e;
}

std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(part) != std::string::npos) return line;
  return "no line has " + part;
}

}  // namespace

TEST_CASE("an explanation keeps to the terminal's width, whatever its names") {
  Explanation e = sample();
  e.scenario = std::string(200, 'x');
  e.by_operation[0].op = std::string(200, 'y');
  e.math[0].formula =
      "a long formula of many words that has to be broken somewhere before the end "
      "of the terminal's line, as often as it takes";
  std::istringstream lines(explanation_table(e));
  for (std::string line; std::getline(lines, line);)
    CHECK(columns_of(line) <= static_cast<int>(kTerminalColumns));
}

TEST_CASE("the bound and the path, with shares of the step") {
  const std::string text = explanation_table(sample());
  CHECK(line_with(text, "no execution").find("(device work, 75.0 %") != std::string::npos);
  CHECK(line_with(text, "grouped gemm").find("60.0 %") != std::string::npos);
  CHECK(line_with(text, "dispatch").find("40.0 %") != std::string::npos);
}

TEST_CASE("links are summed by kind before they stand alone") {
  const std::string text = explanation_table(sample());
  CHECK(line_with(text, "all nic").find("35.0 %") != std::string::npos);
  CHECK(line_with(text, "latency only").find("5.0 %") != std::string::npos);
  CHECK(text.find("all nic") < text.find("node0.gpu1.nic.out"));
}

TEST_CASE("sensitivities are changes of the step, and what was not varied says why") {
  const std::string text = explanation_table(sample());
  const std::string line = line_with(text, "nic bandwidth");
  CHECK(line.find("+5.00 %") != std::string::npos);
  CHECK(line.find("-5.00 %") != std::string::npos);
  CHECK(line.find("-0.500") != std::string::npos);
  CHECK(line_with(text, "not varied").find("etp, the model has no experts") != std::string::npos);
}

TEST_CASE("from the math to the simulation") {
  const std::string text = explanation_table(sample());
  CHECK(line_with(text, "imbalance").find("+0.750 s") != std::string::npos);
  CHECK(line_with(text, "imbalance").find("+37.50 %") != std::string::npos);
  CHECK(line_with(text, "faults").find("not there") != std::string::npos);
  CHECK(line_with(text, "  the simulation").find("2.000 s") != std::string::npos);
}
