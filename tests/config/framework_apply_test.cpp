// Tests what a framework's profile does to a scenario: who wins, which rules hold, what is written
// out.
#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

const std::string kFolder = "data/scenarios/frameworks/";

// A profile f.yaml with these rules, each given by its `set` and `if`.
std::map<std::string, std::string> profile(
    const std::vector<std::pair<std::string, std::string>>& rules) {
  std::string text = "title: a test\nrules:\n";
  for (const auto& [set, condition] : rules) {
    text += "  - set: " + set + "\n";
    if (!condition.empty()) text += "    if: " + condition + "\n";
    text += "    source: its code\n    basis: stated\n";
  }
  return {{kFolder + "f.yaml", text}};
}

Scenario with(const std::vector<std::pair<std::string, std::string>>& rules,
              const std::string& scenario = kScenario, std::vector<std::string> sets = {}) {
  sets.emplace_back("plan.framework=f");
  return load_text(scenario, sets, profile(rules)).scenario;
}

// Whether a rule with this condition is applied to `scenario`.
bool holds(const std::string& condition, const std::string& scenario = kScenario,
           const std::vector<std::string>& sets = {}) {
  return with({{"{plan.moment_bytes: 2}", condition}}, scenario, sets).plan.moment_bytes == 2;
}

}  // namespace

TEST_CASE("a profile sets what the scenario leaves open, and nothing else") {
  const Scenario s = with({{"{plan.gradient_bytes: 2, plan.moment_bytes: 2}", ""},
                           {"{routing.kind: zipf, routing.exponent: 0.5}", ""},
                           {"{batch.micro_batch: 2}", ""},
                           {"{plan.software.permutation_factor: 3}", ""},
                           {"{plan.recompute: selective, plan.recompute_modules: [mlp, moe]}", ""}},
                          kScenario + "plan: {moment_bytes: 1}\n", {"plan.gradient_bytes=8"});
  CHECK(s.plan.gradient_bytes == 8);
  CHECK(s.plan.moment_bytes == 1);
  CHECK(s.plan.gather_bytes == 2);
  CHECK(s.routing.kind == RoutingKind::zipf);
  CHECK(s.routing.exponent == 0.5);
  CHECK(s.batch.micro_batch == 2);
  CHECK(s.plan.software.permutation_factor == 3);
  CHECK(s.plan.recompute_modules == std::vector{RecomputeModule::mlp, RecomputeModule::moe});
  CHECK(s.plan.framework == "f");
  CHECK(s.plan.framework_applied);
}

TEST_CASE("a profile replaces a value of a platform's preset, not one that the scenario states") {
  const std::vector<std::pair<std::string, std::string>> rules = {
      {"{platform.device.launch_s: 9 us, platform.deepep.startup_s: 7 us}", ""}};
  const Pod preset = with(rules).platform.pod();
  CHECK(preset.device.launch_s == 9e-6);
  CHECK(preset.dispatchers[Dispatcher::deepep].startup_s == 7e-6);
  CHECK(preset.device.sms == 132);
  const std::string stated =
      "workload: tiny\nplatform: {base: pod, device: {launch_s: 3 us}}\n" + kBatch;
  CHECK(with(rules, stated).platform.pod().device.launch_s == 3e-6);
  CHECK(with(rules, kScenario, {"platform.device.launch_s=4us"}).platform.pod().device.launch_s ==
        4e-6);
}

TEST_CASE("a scenario's base states values too; a preset of a machine or a model does not") {
  std::map<std::string, std::string> files = profile({{"{plan.tp: 4, plan.ep: 4}", ""}});
  files["below.yaml"] = kScenario + "plan: {tp: 2}\n";
  const Scenario s = load_text("base: below.yaml\nplan: {framework: f}\n", {}, files).scenario;
  CHECK(s.plan.tp == 2);
  CHECK(s.plan.ep == 4);
}

TEST_CASE("conditions see what is stated, presets and defaults") {
  CHECK(holds("{plan.tp: 1}"));
  CHECK_FALSE(holds("{plan.tp: 1}", kScenario, {"plan.tp=2"}));
  CHECK(holds("{plan.tp: [1, 2]}", kScenario, {"plan.tp=2"}));
  CHECK_FALSE(holds("{plan.tp: [1, 2]}", kScenario, {"plan.tp=4"}));
  CHECK(holds("{plan.tp: \">1\"}", kScenario, {"plan.tp=2"}));
  CHECK_FALSE(holds("{plan.tp: \">1\"}"));
  CHECK(holds("{plan.tp: \">= 2\"}", kScenario, {"plan.tp=2"}));
  CHECK(holds("{plan.tp: \"<2\"}"));
  CHECK(holds("{plan.tp: \"<=1\"}"));
  CHECK_FALSE(holds("{plan.tp: \"!=1\"}"));
  CHECK(holds("{platform.device.sms: 132, workload.experts: \">0\", workload.name: tiny}"));
  CHECK_FALSE(holds("{platform.device.sms: 132, workload.experts: 0}"));
  CHECK(holds("{platform.device.memory_bytes: \"<100 GB\"}"));
  CHECK(holds("{plan.precision: \"!=bf16\"}", kScenario, {"plan.precision=fp8-current"}));
  CHECK(holds("{plan.ep_overlap: false}"));
  CHECK(holds("{platform.device.generation: \"!=hopper\"}"));
}

TEST_CASE("a condition on a list asks for one of its values") {
  const std::vector<std::string> some = {"plan.recompute=selective",
                                         "plan.recompute_modules=[mlp, moe]"};
  CHECK(holds("{plan.recompute_modules: moe}", kScenario, some));
  CHECK_FALSE(holds("{plan.recompute_modules: layernorm}", kScenario, some));
  CHECK(holds("{plan.recompute_modules: \"!=layernorm\"}", kScenario, some));
}

TEST_CASE("a rule sees the values that earlier rules left, and a later one overrides them") {
  const Scenario s = with({{"{plan.zero_stage: 3}", ""},
                           {"{plan.moment_bytes: 2}", "{plan.zero_stage: 3}"},
                           {"{plan.gradient_bytes: 2}", "{plan.gather_bytes: 1}"},
                           {"{plan.gather_bytes: 1}", ""},
                           {"{plan.zero_stage: 0}", "{plan.moment_bytes: 2}"}});
  CHECK(s.plan.zero_stage == 0);
  CHECK(s.plan.moment_bytes == 2);
  CHECK(s.plan.gradient_bytes == 4);
}

TEST_CASE("keys of the other kind of platform are passed over") {
  const std::vector<std::pair<std::string, std::string>> rules = {
      {"{platform.device.launch_s: 9 us}", ""},
      {"{plan.moment_bytes: 2}", "{platform.device.launch_s: 9 us}"},
      {"{plan.gradient_bytes: 2}", "{platform.systems: \">0\"}"}};
  std::map<std::string, std::string> files = profile(rules);
  files["s.yaml"] =
      "workload: gptj-6b\nplatform: cs2\nbatch: {global_batch: auto, sequence_length: 2048}\n"
      "plan: {framework: f}\n";
  const MemoryFiles all(files, &disk_files());
  const Plan plan =
      load_unchecked_scenario("s.yaml", {}, {{"data", MOESIM_SOURCE_DIR}}, all).scenario.plan;
  CHECK(plan.moment_bytes == 4);
  CHECK(plan.gradient_bytes == 2);
}

TEST_CASE("what a profile gave is told with its place, source and basis") {
  std::map<std::string, std::string> files = profile({{"{plan.gradient_bytes: 2}", ""}});
  files[kFolder + "g-1.2.yaml"] =
      "title: on top\nbase: f\nrules:\n  - set: {plan.moment_bytes: 2}\n"
      "    source: \"somebody/somewhere@1234567 with a long name of a file, so that it is "
      "folded\"\n"
      "    basis: recipe\n";
  const ResolvedScenario r = load_text(kScenario + "plan: {framework: g-1.3}\n", {}, files);
  REQUIRE(r.framework.values.size() == 2);
  CHECK(r.framework.name == "g-1.3");
  CHECK(r.framework.profile == "g-1.2");
  CHECK(r.framework.note ==
        "framework g-1.3 has no profile of its own: g-1.2 stands in, the nearest earlier release");
  CHECK(r.framework.values[0].sentence() == "plan.gradient_bytes = 2 (stated: its code)");
  CHECK(r.framework.values[0].origin == "scenarios/frameworks/f.yaml:3");
  CHECK(r.sources.at("plan.gradient_bytes").origin == "scenarios/frameworks/f.yaml:3");
  CHECK(r.sources.at("plan.gradient_bytes").reason == "stated: its code");
  CHECK(r.sources.at("plan.gather_bytes").reason.empty());
  const std::string text = check_text(r);
  CHECK(
      text.starts_with("# framework g-1.3 has no profile of its own: g-1.2 stands in, the nearest\n"
                       "# earlier release\nname: s "));
  CHECK(text.find("  gradient_bytes: 2 B") != std::string::npos);
  CHECK(text.find("# scenarios/frameworks/f.yaml:3\n") != std::string::npos);
  CHECK(text.find("#   recipe: somebody/somewhere@1234567") != std::string::npos);
}

TEST_CASE("a resolved scenario loads back to itself, with or without the profile") {
  const auto files = profile({{"{plan.gradient_bytes: 2, platform.device.launch_s: 9 us}", ""}});
  const ResolvedScenario r = load_text(kScenario + "plan: {framework: f}\n", {}, files);
  const std::string written = scenario_text(r.scenario);
  CHECK(written.find("  framework: f\n  framework_applied: true\n") != std::string::npos);
  for (const auto& around :
       {files, profile({{"{plan.gradient_bytes: 1}", ""}}), std::map<std::string, std::string>{}}) {
    const ResolvedScenario again = load_text(written, {}, around);
    CHECK(scenario_text(again.scenario) == written);
    CHECK(again.framework.values.empty());
    CHECK(scenario_text(load_text(check_text(r), {}, around).scenario) == written);
  }
}

TEST_CASE("without a framework the default profile is taken, where there is one") {
  CHECK_FALSE(load_text(kScenario).scenario.plan.framework_applied);
  const std::map<std::string, std::string> files = {
      {kFolder + "default.yaml",
       "title: none\nrules:\n  - {set: {plan.moment_bytes: 2}, source: s, basis: default}\n"},
      {kFolder + "f.yaml",
       "title: f\nrules:\n  - {set: {plan.gradient_bytes: 2}, source: s, basis: default}\n"}};
  const ResolvedScenario none = load_text(kScenario, {}, files);
  CHECK(none.scenario.plan.moment_bytes == 2);
  CHECK(none.scenario.plan.framework.empty());
  CHECK(none.scenario.plan.framework_applied);
  CHECK(none.framework.profile == "default");
  // A profile without a base builds on it.
  const Plan named = load_text(kScenario, {"plan.framework=f"}, files).scenario.plan;
  CHECK(named.moment_bytes == 2);
  CHECK(named.gradient_bytes == 2);
}

TEST_CASE("a profile's values are checked like any other") {
  CHECK(errors_of(kScenario + "plan: {framework: f}\n", {}, profile({{"{plan.ep: 3}", ""}}))
            .starts_with("data/scenarios/frameworks/f.yaml:3:20: plan.ep: "));
}

TEST_CASE("a framework that does not exist is an error at its name") {
  auto files = profile({});
  files[kFolder + "megatron-core.yaml"] = "title: t\n";
  CHECK(errors_of(kScenario + "plan: {framework: megatron-cor}\n", {}, files) ==
        "s.yaml:4:19: plan.framework: no framework is named \"megatron-cor\" (did you mean "
        "\"megatron-core\"?); known: f, megatron-core");
  CHECK(errors_of(kScenario, {"plan.framework=none.yaml"}, files) ==
        "--set plan.framework=none.yaml: plan.framework: no such file: \"none.yaml\"");
}
