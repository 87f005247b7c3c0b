#include "report/table.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include "catch.hpp"
#include "report/format.hpp"
#include "sample_report.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

int widest(const std::string& text) {
  int columns = 0;
  for (const std::string& line : lines_of(text)) columns = std::max(columns, columns_of(line));
  return columns;
}

// The line that begins with this, blanks aside.
std::string line_with(const std::string& text, const std::string& begin) {
  for (const std::string& line : lines_of(text))
    if (const size_t at = line.find_first_not_of(' ');
        at != std::string::npos && line.compare(at, begin.size(), begin) == 0)
      return line;
  return "";
}

}  // namespace

TEST_CASE("the table says what a user asks first") {
  const std::string text = table_text(sample_report());
  for (const char* part :
       {"step time              20.13 s", "tokens/s               208.4 k",
        "tokens/s per GPU       13.02 k", "MFU                       24.6 %",
        "TFLOPS per GPU             243.7", "lower bound            15.02 s",
        "overload factor            1.382", "device work, 74.6 % of the step",
        "peak memory             210.0 MB", "folded: 2 data-parallel replicas simulated as 1"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("no line of the table is wider than 80 columns, whatever the figures") {
  CHECK(widest(table_text(sample_report())) == 80);
  for (double factor : {1e-12, 5e-8, 1e-3, 1.0, 60.0, 5e4, 1e9, 1e300}) {
    INFO(factor);
    CHECK(widest(table_text(scaled_report(factor))) <= 80);
  }
  StepReport report = sample_report();
  report.scenario = report.model.name = std::string(200, 'x');
  report.platform = map_of({scalar_setting("name", std::string(200, 'x'))});
  report.resources[0].name = report.critical_path[0].op = report.critical_path[2].link =
      std::string(99, 'y');
  report.lower_bound_by = report.simulation.folded = "a long story " + std::string(100, 'z');
  report.simulation.tasks = std::numeric_limits<uint64_t>::max();
  report.mfu = std::numeric_limits<double>::quiet_NaN();
  report.overload_factor = -1e-300;
  report.devices = std::numeric_limits<int>::max();
  for (StageMemory& stage : report.memory) stage.stage = 1 << 30;
  CHECK(widest(table_text(report)) <= 80);
  CHECK(widest(table_text(StepReport{})) <= 80);
}

TEST_CASE("the printed parts of the step add up to the step") {
  for (double factor : {1e-7, 1e-3, 1.0, 17.0}) {
    const StepReport report = scaled_report(factor);
    const std::string text = table_text(report);
    double seconds = 0, percent = 0, step = 0;
    std::string unit;
    bool inside = false;
    for (const std::string& line : lines_of(text)) {
      if (line.rfind("Where the time went", 0) == 0) {
        inside = true;
        continue;
      }
      if (!inside) continue;
      double value = 0, share = 0;
      std::istringstream rest(line.substr(18));
      rest >> value >> unit >> share;
      if (line_with(line, "step") == line) {
        step = value;
        break;
      }
      seconds += value;
      percent += share;
    }
    INFO(text);
    CHECK(step > 0);
    CHECK(seconds == Approx(step).margin(1e-9));
    CHECK(percent == Approx(100).margin(1e-9));
  }
}

TEST_CASE("parts that took no time are left out, compute is not") {
  StepReport report = sample_report();
  std::string text = table_text(report);
  CHECK(line_with(text, "exposed TP").empty());
  CHECK(!line_with(text, "exposed EP").empty());
  report.breakdown_s = {.bubble = 20.13};
  text = table_text(report);
  CHECK(line_with(text, "compute ") == "  compute                0.000 s      0.0 %");
  CHECK(line_with(text, "exposed EP").empty());
}

TEST_CASE("equal stages are one row, and a stage that does not fit says by how much") {
  const std::string text = table_text(sample_report());
  CHECK(line_with(text, "0  ") ==
        "  0            9.57      4.79     11.20      0.00     31.10     56.66   66.0 %");
  CHECK(line_with(text, "1-3") ==
        "  1-3          9.57      4.79     11.20      0.00     21.10     46.66   54.3 %");
  CHECK(line_with(text, "fits") == "  fits (stage 0): 56.66 GB of 85.90 GB");
  CHECK(line_with(text, "memory:") == "memory: fits (stage 0): 56.66 GB of 85.90 GB");
  StepReport tight = sample_report();
  tight.memory[2].total_bytes = 89e9;
  tight.memory[2].fits = false;
  const std::string over = table_text(tight);
  CHECK(over.find("OUT OF MEMORY by 3.100 GB\n") != std::string::npos);
  CHECK(line_with(over, "fits").empty());
  CHECK(!line_with(over, "3  ").empty());
}

TEST_CASE("three resources and the top of the critical path are shown") {
  const std::string text = table_text(sample_report());
  CHECK(text.find("node1.gpu7.nvlink.in") != std::string::npos);
  CHECK(text.find("node1.gpu6.nic.in") == std::string::npos);
  CHECK(line_with(text, "dispatch") ==
        "  dispatch            ep        2.200 s   10.9 % ×24.58 k  node0.gpu3.nic.out");
  StepReport report = sample_report();
  for (int i = 0; i < 5; ++i) report.critical_path.push_back({"op", "compute", "", 0.1, 0.01, 1});
  CHECK(line_with(table_text(report), "3 more") ==
        "  3 more                                   3.0 %");
}
