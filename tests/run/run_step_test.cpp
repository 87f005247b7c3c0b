#include "run/run_step.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/random_scenario.hpp"
#include "report/json.hpp"

using namespace moesim;

namespace {

constexpr int kScenarios = 60;  // 1,200 hold as well

std::string json_of(const Scenario& scenario) {
  return json_text(run_step(scenario, {}).report, {.machine_facts = false});
}

// Each scenario in each of its variants, in a process of its own.
using Change = std::function<void(Scenario&)>;
std::vector<std::string> simulate(const std::vector<Scenario>& scenarios,
                                  const Change& change = nullptr) {
  std::vector<std::function<std::string()>> works;
  for (const Scenario& scenario : scenarios)
    works.push_back([&scenario, &change] {
      Scenario changed = scenario;
      if (change) change(changed);
      return json_of(changed);
    });
  return in_children(std::move(works));
}

std::vector<Scenario> random_scenarios() {
  std::vector<Scenario> scenarios;
  for (int seed = 1; seed <= kScenarios; ++seed) scenarios.push_back(ScenarioDraw(seed).draw());
  return scenarios;
}

double step_s(const std::string& json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  return parsed.is_object() ? parsed.value("step_time_s", -1.0) : -1.0;
}

void double_bandwidths(Scenario& s) {
  s.platform.pod().nvlink_bytes_per_s *= 2;
  s.platform.pod().nic_bytes_per_s *= 2;
  s.platform.pod().device.memory_bytes_per_s *= 2;
}

void double_device(Scenario& s) {
  s.platform.pod().device.peak_bf16_flops *= 2;
  s.platform.pod().device.peak_fp8_flops *= 2;
  s.platform.pod().device.peak_fp4_flops *= 2;
  s.platform.pod().device.memory_bytes_per_s *= 2;
}

void check_never_slower(const Change& change) {
  const auto scenarios = random_scenarios();
  const auto base = simulate(scenarios), changed = simulate(scenarios, change);
  for (size_t i = 0; i < scenarios.size(); ++i) {
    INFO("seed " << i + 1 << "\n" << scenario_text(scenarios[i]));
    CHECK(step_s(changed[i]) > 0);
    CHECK(step_s(changed[i]) <= step_s(base[i]) * 1.01);
  }
}

}  // namespace

TEST_CASE("random scenarios complete, above their lower bound, with a breakdown that sums up") {
  const auto scenarios = random_scenarios();
  const auto results = simulate(scenarios);
  for (size_t i = 0; i < scenarios.size(); ++i) {
    INFO("seed " << i + 1 << "\n" << scenario_text(scenarios[i]));
    const auto json = nlohmann::json::parse(results[i], nullptr, false);
    INFO(results[i]);
    REQUIRE(json.is_object());
    const double step = json["step_time_s"];
    CHECK(step > 0);
    CHECK(step >= json["lower_bound_s"].get<double>() * (1 - 1e-9));
    double sum = 0;
    for (const auto& [part, seconds] : json["breakdown_s"].items()) {
      CHECK(seconds.get<double>() >= 0);
      sum += seconds.get<double>();
    }
    CHECK(sum == Approx(step).epsilon(1e-9));
    CHECK(json["mfu"].get<double>() > 0);
    CHECK(json["mfu"].get<double>() < 1);
    double path = 0;
    for (const auto& entry : json["critical_path"]) path += entry["seconds"].get<double>();
    CHECK(path == Approx(step).epsilon(1e-6));
    for (const auto& resource : json["resources"])
      CHECK(resource["busy_fraction"].get<double>() <= 1 + 1e-6);
  }
}

TEST_CASE("twice every bandwidth is never slower") { check_never_slower(double_bandwidths); }

TEST_CASE("twice every device rate is never slower") { check_never_slower(double_device); }

TEST_CASE("the same seed gives the same bytes") {
  const auto scenarios = random_scenarios();
  const auto first = simulate(scenarios), second = simulate(scenarios);
  for (size_t i = 0; i < scenarios.size(); ++i) {
    INFO("seed " << i + 1);
    CHECK(first[i] == second[i]);
  }
}

TEST_CASE("adaptive transport ends when plain flows do") {
  const auto scenarios = random_scenarios();
  const auto adaptive = simulate(scenarios),
             flows = simulate(scenarios, [](Scenario&s) { s.plan.transport = Transport::flows; });
  for (size_t i = 0; i < scenarios.size(); ++i) {
    INFO("seed " << i + 1 << "\n" << scenario_text(scenarios[i]));
    CHECK(step_s(adaptive[i]) == Approx(step_s(flows[i])).epsilon(0.01));
  }
}

TEST_CASE("folded replicas change nothing where they are alike") {
  auto scenarios = random_scenarios();
  for (Scenario& s : scenarios) {
    s.routing = {};
    // A closed form sees no contention: with replicas under the same leaf switch it has the whole
    // uplink to itself.
    if (s.plan.all_to_all == CollectiveAlgorithm::closed_form)
      s.plan.all_to_all = CollectiveAlgorithm::port_balanced;
  }
  const auto folded = simulate(scenarios),
             whole = simulate(scenarios, [](Scenario&s) { s.plan.simulated_replicas = 0; });
  int several = 0;
  for (size_t i = 0; i < scenarios.size(); ++i) {
    INFO("seed " << i + 1 << "\n" << scenario_text(scenarios[i]));
    CHECK(step_s(folded[i]) == Approx(step_s(whole[i])).epsilon(0.02));
    several += folded[i].find("replicas of") != std::string::npos;
  }
  CHECK(several > 10);
}
