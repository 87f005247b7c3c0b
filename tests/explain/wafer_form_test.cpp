#include "explain/wafer_form.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "explain/explain.hpp"
#include "explain/knobs.hpp"
#include "explain/math_terms.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/temporary_folder.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

std::vector<std::string> texts(std::initializer_list<const char*> list) {
  return {list.begin(), list.end()};
}

Scenario shipped(const std::string& name, std::vector<std::string> sets) {
  const std::string path = fmt::format("{}/scenarios/{}.yaml", MOESIM_SOURCE_DIR, name);
  const Scenario asked = load_scenario(path, sets).scenario;
  for (const std::string& set : settled_wafer_plan(asked, 1)) sets.push_back(set);
  return load_scenario(path, sets).scenario;
}

double simulated_s(const Scenario& scenario) {
  const auto result = numbers_in_children(
      {[&] { return std::vector<double>{run_step(scenario, {}).report.step_time_s}; }});
  INFO(result[0].error);
  return result[0].at(0);
}

}  // namespace

TEST_CASE("the wafer's math by hand: one dense layer without recomputation") {
  Scenario s = shipped(
      "gptj-6b-cs2", texts({"batch.global_batch=2", "batch.micro_batch=2", "plan.recompute=none"}));
  WaferSystem& system = s.platform.wafers();
  system.wafer.weight_issue_cycles = 10;
  system.step_latency_s = 0.25;
  ModelShape& m = s.workload;
  m.layers = 1, m.hidden = 1024, m.heads = m.kv_heads = 8, m.head_dim = 128;
  m.dense_ffn = 4096, m.vocab = 10'000, m.tied_embeddings = false;
  const auto terms = wafer_closed_form(s);
  // Q, K, V, output and the FFN's matrices, and the logits; forward and the two gradients each.
  const double ffn_matrices = m.gated_ffn ? 3 : 2;
  const double weights = 4.0 * 1024 * 1024 + ffn_matrices * 1024 * 4096 + 10'000.0 * 1024;
  const Wafer& wafer = system.wafer;
  CHECK(seconds_of(terms, "issue of weights") ==
        Approx(3 * weights / wafer.grid_columns / wafer.clock_hz * 10));
  // 2 sequences of 2,048 tokens over 922 rows: five tokens on the fullest core. A gradient's shape
  // is the weight's, and its tokens are the same.
  CHECK(seconds_of(terms, "products of weights with tokens") ==
        Approx(3 * weights / wafer.grid_columns / wafer.clock_hz * 5 /
               (wafer.macs_per_cycle * wafer.gemm_efficiency)));
  CHECK(seconds_of(terms, "step latency") == 0.25);
}

// The claim that the page makes: where prefetch hides the streams, the sum of products is the step.
TEST_CASE("where streams hide, the wafer's math meets the simulation within 3 %") {
  const auto meets = [](const char* scenario, const std::vector<std::string>& sets) {
    INFO(scenario);
    const Scenario s = shipped(scenario, sets);
    const auto terms = wafer_closed_form(s);
    CHECK(seconds_of(terms, "streams beyond compute") == 0);
    CHECK(sum_of(terms) == Approx(simulated_s(s)).epsilon(0.03));
  };
  meets("llama2-7b-cs3", {});
  meets("gptj-6b-cs2", {});
  meets("qwen3-30b-a3b-cs2", texts({"plan.attention_tiles=64"}));
}

TEST_CASE("where streams do not hide, no window makes the step shorter than its streams") {
  const Scenario s =
      shipped("qwen3-30b-a3b-cs2",
              texts({"platform.wafer.io_bytes_per_s=15 GB/s", "platform.prefetch_bytes=1e15"}));
  const auto terms = wafer_closed_form(s);
  CHECK(seconds_of(terms, "streams beyond compute") > 0);
  const double simulated = simulated_s(s);
  CHECK(simulated >= sum_of(terms) - seconds_of(terms, "last gradients"));
  CHECK(simulated == Approx(sum_of(terms)).epsilon(0.05));
}

TEST_CASE("an explanation of a wafer: parts sum, and elasticities are those of direct runs") {
  const TemporaryFolder folder;
  ExplainOptions options;
  options.scenario_path = MOESIM_SOURCE_DIR "/scenarios/qwen3-30b-a3b-cs2.yaml";
  options.sets = texts({"batch.global_batch=16", "routing.kind=zipf", "routing.exponent=0.8"});
  options.folder = (folder.path() / "runs").string();
  options.version = "test";
  options.pool.jobs = 2;
  const auto e = explain(options);
  REQUIRE(e);
  double sum = e->math_s;
  for (const Attribution& part : e->attribution) sum += part.seconds;
  CHECK(sum == Approx(e->step_s).epsilon(1e-12));
  CHECK(e->attribution.size() == 4);
  double path = 0;
  for (const CriticalPathEntry& entry : e->by_layer) path += entry.seconds;
  CHECK(path == Approx(e->step_s).epsilon(1e-6));
  bool found = false;
  for (const Sensitivity& s : e->sensitivities) {
    if (s.knob != "system I/O") continue;
    found = true;
    const auto sets = texts({"batch.global_batch=16", "routing.kind=zipf", "routing.exponent=0.8",
                             "platform.wafer.io_bytes_per_s=135 GB/s"});
    CHECK(s.low_step_s == simulated_s(shipped("qwen3-30b-a3b-cs2", sets)));
    CHECK(s.elasticity < 0);
  }
  CHECK(found);
}

TEST_CASE("what if on a wafer: faster parts never make the step longer, costs never shorter") {
  const TemporaryFolder folder;
  ExplainOptions options;
  options.scenario_path = MOESIM_SOURCE_DIR "/scenarios/qwen3-30b-a3b-cs2.yaml";
  options.sets = texts({"batch.global_batch=8", "platform.systems=2", "routing.kind=uniform"});
  options.folder = (folder.path() / "runs").string();
  options.pool.jobs = 2;
  const auto e = explain(options);
  REQUIRE(e);
  const auto is_cost = [](const std::string& knob) {
    return knob.ends_with("latency") || knob == "weight issue" || knob == "global batch";
  };
  int rates = 0;
  for (const Sensitivity& s : e->sensitivities) {
    INFO(s.knob << ": " << s.low_step_s << ", " << e->step_s << ", " << s.high_step_s);
    // A larger microbatch fills cores and streams less often; which skew is better nobody promises.
    if (s.knob == "routing imbalance") continue;
    const double sign = is_cost(s.knob) ? -1 : 1;
    CHECK(sign * (s.low_step_s - e->step_s) >= -1e-9 * e->step_s);
    CHECK(sign * (e->step_s - s.high_step_s) >= -1e-9 * e->step_s);
    rates += sign > 0;
  }
  CHECK(rates >= 10);
}

TEST_CASE("tiles and batches of a wafer are doubled only where SRAM holds them") {
  const auto high = [](const std::vector<std::string>& sets, const std::string& name) {
    for (const Knob& knob : knobs_of(shipped("qwen3-30b-a3b-cs2", sets), 0.1).varied)
      if (knob.name == name) return knob.high_ratio;
    return 0.0;
  };
  CHECK(high({}, "attention tiles") == 2);
  CHECK(high(texts({"plan.attention_batch=max"}), "attention batch") == 1);
}
