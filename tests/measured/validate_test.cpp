#include "measured/validate.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.hpp"
#include "fixtures/temporary_folder.hpp"
#include "measured/validate_output.hpp"
#include "measured/validate_report.hpp"
#include "report/format.hpp"

using namespace moesim;

namespace {

constexpr const char* kTable =
    "source,model,gpu,num_gpus,precision,seq_len,gbs,mbs,tp,pp,ep,note,tokens_per_s_per_gpu,step_"
    "time_s,"
    "tflops_per_gpu\n"
    "here,olmoe-1b-7b,h100-sxm,8,bf16,2048,16,1,1,1,8,force-balanced,20000,,\n"
    "here,olmoe-1b-7b,h100-sxm,8,bf16,2048,16,1,1,1,8,force-balanced,,0.2,\n"
    "there,olmoe-1b-7b,h100-sxm,8,bf16,2048,32,2,1,1,8,force-balanced,,,300\n"
    "there,no-such-model,h100-sxm,8,bf16,2048,16,1,1,1,8,,1,,\n";

class Fixture {
 public:
  Fixture() { std::ofstream(folder_.path() / "t.csv") << kTable; }
  Validation run(size_t limit = 0) {
    ValidateOptions options;
    options.tables = {(folder_.path() / "t.csv").string()};
    options.limit = limit;
    options.batch = {
        .out_folder = (folder_.path() / "out").string(), .version = "1", .pool = {.jobs = 2}};
    return validate(options, {{MOESIM_SOURCE_DIR}});
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

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

TEST_CASE("Validate: the metric of a row is what was measured, and equal rows share a simulation") {
  Fixture fixture;
  const Validation validation = fixture.run();
  REQUIRE(validation.rows.size() == 4);
  const auto& rows = validation.rows;
  CHECK(validation.simulations == 2);
  CHECK(rows[0].metric == "tokens_per_s_per_gpu");
  CHECK(rows[1].metric == "step_time_s");
  CHECK(rows[2].metric == "tflops_per_gpu");
  CHECK(rows[0].run == rows[1].run);
  CHECK(rows[0].error.error_percent == Approx(100 * (rows[0].predicted - 20000) / 20000));
  CHECK(rows[1].error.error_percent == Approx(100 * (rows[1].predicted / 0.2 - 1)));
  // 16 sequences of 2,048 tokens on 8 devices
  CHECK(rows[1].error.measured_speed == Approx(16 * 2048 / 0.2 / 8));
  CHECK(rows[0].error.predicted_speed == Approx(rows[1].error.predicted_speed));
  CHECK(rows[2].error.measured_speed ==
        Approx(rows[2].error.predicted_speed * 300 / rows[2].predicted));
  CHECK(rows[0].breakdown_s.total() == Approx(rows[0].step_time_s));
  CHECK(rows[3].reason.find("no-such-model") != std::string::npos);
  CHECK(errors_of(rows).size() == 3);
  const auto groups = group_errors(rows, "source");
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].name == "here");
  CHECK(groups[0].summary.rows == 2);
}

TEST_CASE("Validate: a second run takes the results of the first") {
  Fixture fixture;
  const Validation first = fixture.run(2);
  CHECK(first.rows.size() == 2);
  CHECK(first.simulated_before == 0);
  const Validation second = fixture.run();
  CHECK(second.simulations == 2);
  CHECK(second.simulated_before == 1);
  CHECK(second.rows[0].predicted == first.rows[0].predicted);
}

TEST_CASE("Validate: JSON, table and report tell of every row") {
  Fixture fixture;
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

  write_validation_report(validation, (fixture.path() / "REPORT.md").string(),
                          {{MOESIM_SOURCE_DIR}});
  const std::string report = text_of(fixture.path() / "REPORT.md");
  CHECK(report.find("report-steps.svg") != std::string::npos);
  CHECK(report.find("no-such-model") != std::string::npos);
  CHECK(text_of(fixture.path() / "report-steps.svg").starts_with("<svg"));
}
