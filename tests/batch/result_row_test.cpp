#include "batch/result_row.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace moesim;
using nlohmann::ordered_json;

TEST_CASE("CSV fields are quoted where they have to be") {
  CHECK(csv_field("") == "");
  CHECK(csv_field("plain 1.5") == "plain 1.5");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
}

TEST_CASE("the columns of the table") {
  CHECK(
      result_header({"plan.ep", "a,b"}) ==
      "name,plan.ep,\"a,b\",status,wall_s,step_time_s,tokens_per_s,tokens_per_s_per_device,mfu,"
      "tflops_per_device,"
      "breakdown_s.compute,breakdown_s.exposed_ep,breakdown_s.exposed_tp,breakdown_s.exposed_cp,"
      "breakdown_s.exposed_dp,breakdown_s.exposed_pp,breakdown_s.exposed_stream,breakdown_s.bubble,"
      "breakdown_s.optimizer,breakdown_s.other,overload_factor,lower_bound_s,memory_fits,memory_"
      "most_bytes,message");
}

TEST_CASE("a row takes the figures that are there") {
  const StudyRun run{"ep=8", "s.yaml", {"plan.ep=8"}};
  const auto result = ordered_json::parse(R"({
    "run": {"status": "done", "wall_s": 0.25, "message": ""},
    "step_time_s": 20.125, "tokens_per_s": 208000, "mfu": null,
    "breakdown_s": {"compute": 15.5, "bubble": 0.0},
    "memory": [{"total_bytes": 5e10, "fits": true}, {"total_bytes": 9e10, "fits": false}]})");
  CHECK(result_row({"plan.ep", "plan.tp"}, run, result) ==
        "ep=8,8,,done,0.25,20.125,208000,,,,15.5,,,,,,,0.0,,,,,false,90000000000.0,");
}

TEST_CASE("a run that is not done has a row with its message") {
  const StudyRun run{"ep=3", "s.yaml", {"plan.ep=3"}};
  const auto result = ordered_json::parse(
      R"({"run": {"status": "failed", "wall_s": 0.5, "message": "plan.ep: 3, \"no\""}})");
  CHECK(result_row({"plan.ep"}, run, result) ==
        "ep=3,3,failed,0.5,,,,,,,,,,,,,,,,,,,,\"plan.ep: 3, \"\"no\"\"\"");
}

TEST_CASE("header and row have the same number of fields") {
  const auto commas = [](const std::string& line) {
    return std::count(line.begin(), line.end(), ',');
  };
  CHECK(commas(result_header({"k"})) ==
        commas(result_row({"k"}, {"n", "s", {}}, ordered_json::object())));
}
