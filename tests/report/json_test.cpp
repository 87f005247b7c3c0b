#include "report/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "sample_report.hpp"

using namespace moesim;
using namespace moesim::test;
using nlohmann::ordered_json;

namespace {

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("the JSON report keeps the contract's keys in their order") {
  const ordered_json json = ordered_json::parse(json_text(sample_report()));
  CHECK(keys_of(json) ==
        std::vector<std::string>{
            "scenario", "moesim_version", "simgrid_version", "seed", "fidelity", "devices",
            "step_time_s", "tokens_per_step", "tokens_per_s", "tokens_per_s_per_device",
            "model_flops_per_step", "tflops_per_device", "mfu", "breakdown_s", "memory",
            "overload_factor", "lower_bound_s", "critical_path", "resources", "simulation",
            // beyond the contract
            "model", "lower_bound_by", "layer_overload", "pipeline", "plan", "batch", "platform"});
  CHECK(keys_of(json["model"]) == std::vector<std::string>{"name", "parameters_total",
                                                           "parameters_active", "flops_per_token"});
  CHECK(json["platform"]["nic_bytes_per_s"] == 50e9);
  CHECK(json["plan"]["ep"] == 8);
  CHECK(keys_of(json["breakdown_s"]) ==
        std::vector<std::string>{"compute", "exposed_ep", "exposed_tp", "exposed_cp", "exposed_dp",
                                 "exposed_pp", "bubble", "optimizer", "other"});
  CHECK(keys_of(json["memory"][0]) ==
        std::vector<std::string>{"stage", "parameters_bytes", "gradients_bytes", "optimizer_bytes",
                                 "activations_bytes", "total_bytes", "capacity_bytes", "fits",
                                 "buffers_bytes", "reserved_bytes", "outside_bytes",
                                 "reserve_bytes"});
  CHECK(keys_of(json["resources"][0]) ==
        std::vector<std::string>{"name", "busy_fraction", "bytes", "kind"});
  CHECK(keys_of(json["simulation"]) ==
        std::vector<std::string>{"wall_s", "tasks", "flows", "peak_rss_bytes", "folded",
                                 "activities", "timers", "transfers", "contended_transfers"});
}

TEST_CASE("numbers read back as they were") {
  StepReport report = with_awkward_numbers(sample_report());
  const ordered_json json = ordered_json::parse(json_text(report));
  CHECK(json["step_time_s"].get<double>() == report.step_time_s);
  CHECK(json["mfu"].get<double>() == report.mfu);
  CHECK(json["seed"].get<uint64_t>() == report.seed);
  CHECK(json["lower_bound_s"].get<double>() == report.lower_bound_s);
  CHECK(json["tokens_per_step"].is_number_integer());
  CHECK(json["memory"][1]["total_bytes"].get<double>() == report.memory[1].total_bytes);
  CHECK(json["simulation"]["folded"] == "2 data-parallel replicas simulated as 1");
  double sum = 0;
  for (const auto& [key, value] : json["breakdown_s"].items()) sum += value.get<double>();
  CHECK(sum == Approx(report.breakdown_s.total()));
}

TEST_CASE("a report reads back from its JSON") {
  const StepReport report = full_report();
  const auto read = read_report(json_text(report));
  REQUIRE(read);
  CHECK(json_text(read->report) == json_text(report));
  CHECK(read->given.count("breakdown_s.compute") == 1);
  CHECK(read->given.count("breakdown_s.nothing") == 0);
  CHECK_FALSE(read_report("[1]"));
  CHECK_FALSE(read_report("{\"step_time_s\": "));
}

TEST_CASE("what older reports wrote as a name reads as one, and what they lack keeps its default") {
  const auto read = read_report(
      R"({"model": "Mixtral", "platform": "h100", "mfu": null, "memory": [{"stage": 3}, 7]})");
  REQUIRE(read);
  CHECK(read->report.model.name == "Mixtral");
  CHECK(text_at(read->report.platform, "name") == "h100");
  CHECK(std::isnan(read->report.mfu));
  CHECK(read->report.overload_factor == 1);
  REQUIRE(read->report.memory.size() == 2);
  CHECK(read->report.memory[0].stage == 3);
}

TEST_CASE("weight streaming appears where there is any") {
  StepReport report = sample_report();
  report.breakdown_s.exposed_stream = 0.5;
  CHECK(ordered_json::parse(json_text(report))["breakdown_s"]["exposed_stream"] == 0.5);
}

TEST_CASE(
    "figures of the machine that simulated can be left out, so that equal runs give equal bytes") {
  StepReport one = sample_report(), two = sample_report();
  two.simulation.wall_s = 99;
  two.simulation.peak_rss_bytes = 1;
  CHECK(json_text(one) != json_text(two));
  CHECK(json_text(one, {false}) == json_text(two, {false}));
  const ordered_json json = ordered_json::parse(json_text(one, {false}));
  CHECK(json["simulation"]["wall_s"].is_null());
  CHECK(json["simulation"]["peak_rss_bytes"].is_null());
  CHECK(json["simulation"]["tasks"] == 1234567);
}

TEST_CASE("a figure that is no number is null, and any name is valid JSON") {
  StepReport report = sample_report();
  report.mfu = std::nan("");
  report.scenario = "quote \" backslash \\ bad byte \xff";
  const ordered_json json = ordered_json::parse(json_text(report));
  CHECK(json["mfu"].is_null());
  CHECK(json["scenario"] == "quote \" backslash \\ bad byte \xEF\xBF\xBD");
}
