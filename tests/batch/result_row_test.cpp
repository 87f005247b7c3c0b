#include "batch/result_row.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("the columns of the table") {
  CHECK(
      result_header({"plan.ep", "a,b"}) ==
      "name,plan.ep,\"a,b\",status,wall_s,step_time_s,tokens_per_s,tokens_per_s_per_device,"
      "tflops_per_device,mfu,"
      "breakdown_s.compute,breakdown_s.exposed_ep,breakdown_s.exposed_tp,breakdown_s.exposed_cp,"
      "breakdown_s.exposed_dp,breakdown_s.exposed_pp,breakdown_s.exposed_stream,breakdown_s.bubble,"
      "breakdown_s.optimizer,breakdown_s.other,overload_factor,lower_bound_s,memory_fits,memory_"
      "most_bytes,memory_verdict,memory_most_reserved_bytes,message");
}

TEST_CASE("a row takes the figures that are there") {
  const StudyRun run{"ep=8", "s.yaml", {"plan.ep=8"}};
  StoredRun stored;
  stored.run.status = "done";
  stored.run.wall_s = 0.25;
  StepReport& report = stored.report;
  report.step_time_s = 20.125;
  report.tokens_per_s = 208000;
  report.mfu = std::nan("");
  report.breakdown_s.compute = 15.5;
  report.memory = {{.total_bytes = 5e10, .capacity_bytes = 8e10},
                   {.total_bytes = 9e10, .capacity_bytes = 8e10, .fits = false}};
  CHECK(result_row({"plan.ep", "plan.tp"}, run, stored) ==
        "ep=8,8,,done,0.25,20.125,208000,0,0,,15.5,0,0,0,0,0,0,0,0,0,1,0,false,90000000000,out_of_"
        "memory,0,");
  report.memory.clear();
  CHECK(result_row({}, run, stored).ends_with(",1,0,,,,,"));
}

TEST_CASE("a run that is not done has a row with its message") {
  const StudyRun run{"ep=3", "s.yaml", {"plan.ep=3"}};
  StoredRun stored;
  stored.run.status = "failed";
  stored.run.wall_s = 0.5;
  stored.run.message = "plan.ep: 3, \"no\"";
  CHECK(result_row({"plan.ep"}, run, stored) ==
        "ep=3,3,failed,0.5,,,,,,,,,,,,,,,,,,,,,,\"plan.ep: 3, \"\"no\"\"\"");
}

TEST_CASE("header and row have the same number of fields") {
  const auto commas = [](const std::string& line) {
    return std::count(line.begin(), line.end(), ',');
  };
  CHECK(commas(result_header({"k"})) == commas(result_row({"k"}, {"n", "s", {}}, {})));
}
