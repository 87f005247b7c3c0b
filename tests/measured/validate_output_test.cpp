#include "measured/validate_output.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "measured/validation_fixture.hpp"
#include "report/format.hpp"

using namespace moesim;

namespace {

int widest(const std::string& text) {
  int columns = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) columns = std::max(columns, columns_of(line));
  return columns;
}

ValidatedRow row_of(const std::string& reason) {
  ValidatedRow row;
  row.measurement.line = 2;
  row.measurement.model = "a-model-of-a-very-long-name";
  row.measurement.gpu = "gb300-nvl72";
  row.measurement.precision = "fp8-delayed";
  row.measurement.num_gpus = 16384;
  row.plan.pp = row.plan.vpp = row.plan.tp = row.plan.ep = 16;
  row.metric = "step_time_s";
  row.predicted = row.measured = 0.1234;
  row.error = {.error_percent = -12.34, .predicted_speed = 1, .measured_speed = 1};
  row.reason = reason;
  return row;
}

}  // namespace

TEST_CASE("Validate: a table of no predictions is the reasons, folded") {
  Validation validation;
  validation.rows = {
      row_of("no workload is named \"x\" (known: deepseek-v3, gpt-oss-120b, mixtral-8x22b)"),
      row_of("one problem\nanother")};
  CHECK(validation_table(validation) ==
        "not predicted:\n"
        "   2 a-model-of-a-very-long-name, 16384 x gb300-nvl72, fp8-delayed: no workload\n"
        "       is named \"x\" (known: deepseek-v3, gpt-oss-120b, mixtral-8x22b)\n"
        "   2 a-model-of-a-very-long-name, 16384 x gb300-nvl72, fp8-delayed: one problem\n"
        "       another\n");
}

TEST_CASE(
    "Validate: a table of one prediction fits a terminal, and leaves out what is not defined") {
  Validation validation;
  validation.rows = {row_of("")};
  const std::string table = validation_table(validation);
  CHECK(
      table.find(
          "\n   2 a-model-of-a… gb300    16384 fp8-d… TP16PP16x16EP… 0.1234 0.1234 s   -12.3%\n") !=
      std::string::npos);
  CHECK(table.find("nan") == std::string::npos);
  CHECK(table.find("spearman                  -") != std::string::npos);
  CHECK(widest(table) == 80);
}

TEST_CASE("Validate: JSON and table tell of every row") {
  ValidationFixture fixture;
  const Validation validation = fixture.run();
  const auto json = nlohmann::json::parse(validation_json(validation));
  REQUIRE(json["rows"].size() == 4);
  for (const char* key : {"predicted", "measured", "error_percent", "metric"})
    CHECK(json["rows"][0].contains(key));
  CHECK(json["rows"][3]["status"] == "not_run");
  CHECK(json["rows"][3].contains("reason"));
  for (const char* key :
       {"median_abs_error_percent", "p90_abs_error_percent", "max_abs_error_percent", "spearman"})
    CHECK(json["summary"][key].is_number());
  CHECK(json["summary"]["rows"] == 4);
  CHECK(json["summary"]["predicted_rows"] == 3);

  const std::string table = validation_table(validation);
  CHECK(table.find("3 predicted of 4") != std::string::npos);
  CHECK(table.find("no-such-model") != std::string::npos);
  CHECK(widest(table) <= 80);
}
