#include "report/figures_json.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"
#include "report/json.hpp"
#include "sample_report.hpp"

using namespace moesim;
using namespace moesim::test;

TEST_CASE("a full report travels between processes exactly") {
  StepReport report = with_awkward_numbers(full_report());
  report.memory[0].total_bytes = 1e300;
  const std::string bytes = packed(report);
  const StepReport back = unpacked<StepReport>(bytes);
  CHECK(packed(back) == bytes);
  CHECK(back.step_time_s == report.step_time_s);
  CHECK(back.mfu == report.mfu);
  CHECK(back.seed == report.seed);
  CHECK(back.lower_bound_s == report.lower_bound_s);
  CHECK(back.memory[0].total_bytes == 1e300);
  CHECK(back.memory[1].breaks_it == "hidden");
  CHECK_FALSE(back.memory[1].fits);
  CHECK(back.device_noun == "wafer");
  CHECK(back.simulation.setup_cpu_s == 0.2);
  CHECK(back.pipeline[1].seconds == report.pipeline[1].seconds);
  CHECK(back.critical_path[2].link == "node0.gpu3.nic.out");
  CHECK(back.by_link[0].count == 4);
  CHECK(back.layer_overload == report.layer_overload);
  REQUIRE(back.goodput);
  CHECK(back.goodput->asked.tokens_per_day == 1e12);
  REQUIRE(back.runs);
  CHECK(back.runs->step_time_s.count == 2);
  CHECK(back.runs->samples_s == report.runs->samples_s);
  CHECK(back.workload == report.workload);
  CHECK(back.routing == report.routing);
  CHECK(back.platform == report.platform);
}

TEST_CASE("numbers that are not finite travel too, and scripts see null") {
  StepReport report;
  report.mfu = std::numeric_limits<double>::quiet_NaN();
  report.step_time_s = std::numeric_limits<double>::infinity();
  report.tokens_per_s = -std::numeric_limits<double>::infinity();
  report.layer_overload = {1, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()};
  const StepReport back = unpacked<StepReport>(packed(report));
  CHECK(std::isnan(back.mfu));
  CHECK(back.step_time_s == report.step_time_s);
  CHECK(back.tokens_per_s == report.tokens_per_s);
  CHECK(back.layer_overload[1] == report.layer_overload[1]);
  CHECK(std::isnan(back.layer_overload[2]));
  CHECK(json_text(report).find("\"step_time_s\": null") != std::string::npos);
  CHECK(std::isnan(read_report(json_text(report))->report.step_time_s));
}

TEST_CASE("what is absent in the struct is absent after the journey") {
  const StepReport back = unpacked<StepReport>(packed(StepReport{}));
  CHECK_FALSE(back.goodput);
  CHECK_FALSE(back.runs);
  CHECK(back.memory.empty());
  CHECK(back.plan == SettingTree{});
  CHECK_THROWS_WITH(unpacked<StepReport>("killed"), "the result of a process cannot be read");
}

TEST_CASE("internal figures are printed nowhere") {
  const StepReport report = full_report();
  CHECK(packed(report).find("setup_cpu_s") != std::string::npos);
  CHECK(json_text(report).find("setup_cpu_s") == std::string::npos);
  CHECK(json_text(report).find("device_noun") == std::string::npos);
}
