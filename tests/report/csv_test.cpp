#include "report/csv.hpp"

#include <algorithm>

#include "catch.hpp"
#include "sample_report.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

// Fields of one line, quotes undone.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size() && (quoted || line[i] != '\n'); ++i) {
    if (line[i] == '"' && quoted && line[i + 1] == '"')
      fields.back() += line[++i];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  return fields;
}

std::string value_of(const StepReport& report, const std::string& name,
                     const JsonOptions& options = {}) {
  const auto names = fields_of(csv_header()), values = fields_of(csv_row(report, options));
  REQUIRE(names.size() == values.size());
  const auto found = std::find(names.begin(), names.end(), name);
  REQUIRE(found != names.end());
  return values[static_cast<size_t>(found - names.begin())];
}

}  // namespace

TEST_CASE("every run has the same columns, named like the JSON report") {
  CHECK(csv_text(sample_report()) == csv_header() + csv_row(sample_report()));
  const std::string header = csv_header();
  CHECK(std::count(header.begin(), header.end(), '\n') == 1);
  const StepReport report = sample_report();
  CHECK(
      header.starts_with("scenario,moesim_version,simgrid_version,seed,fidelity,model,platform,"
                         "devices,step_time_s,tokens_per_step,"));
  CHECK(value_of(report, "model") == "Qwen3-30B-A3B");
  CHECK(value_of(report, "platform") == "h100-sxm");
  CHECK(value_of(report, "step_time_s") == "20.13");
  CHECK(value_of(report, "breakdown_s.exposed_ep") == "4.21");
  CHECK(value_of(report, "breakdown_s.exposed_stream") == "0");
  CHECK(value_of(report, "memory_most_bytes") == "56655000000");
  CHECK(value_of(report, "memory_fits") == "true");
  CHECK(value_of(report, "memory_verdict") == "");  // not judged
  CHECK(value_of(report, "resources.0.name") == "node0.gpu3 compute");
  CHECK(value_of(report, "simulation.wall_s") == "3.21");
  CHECK(value_of(report, "simulation.wall_s", {false}).empty());
  CHECK(value_of(StepReport{}, "memory_stages") == "0");
}

TEST_CASE("text with commas, quotes and line breaks stays one field; numbers read back") {
  StepReport report = sample_report();
  report.simulation.folded = "64 \"replicas\",\nas 1";
  report.mfu = 1.0 / 3;
  CHECK(value_of(report, "simulation.folded") == report.simulation.folded);
  CHECK(std::stod(value_of(report, "mfu")) == report.mfu);
}
