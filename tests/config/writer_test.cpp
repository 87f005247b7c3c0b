#include "config/writer.hpp"

#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

// Loads what was written and writes it again, without any preset.
std::string round_trip(const std::string& text) {
  return scenario_text(load_scenario("again.yaml", {}, {}, one_file("again.yaml", text)).scenario);
}

}  // namespace

TEST_CASE("a scenario written out loads back to itself") {
  const ResolvedScenario r = load_text(
      "name: \"quoted: \\\"x\\\" # \\\\ \\t\"\n" + kScenario +
          "plan: {ep: 8, pp: 2, layout: Et*4|t*4L, recompute: selective, recompute_modules: "
          "[core_attn, moe_act],\n"
          "       dp_bucket_bytes: 123456789.125, schedule: 1f1b}\n"
          "routing: {kind: dirichlet, concentration: 0.1, jitter: 0.333333333333333314}\n",
      {"platform.nic_latency_s=1.7 us", "platform.nic_efficiency=1e-300",
       "workload.name=null and void"});
  const std::string text = scenario_text(r.scenario);
  CHECK(round_trip(text) == text);
  CHECK(round_trip(check_text(r)) == text);  // comments are comments
  const Scenario again = load_scenario("a", {}, {}, one_file("a", text)).scenario;
  CHECK(again.name == "quoted: \"x\" # \\ \t");
  CHECK(again.workload.name == "null and void");
  CHECK(again.platform.pod().device.peak_bf16_flops ==
        r.scenario.platform.pod().device.peak_bf16_flops);
  CHECK(again.platform.pod().nic_latency_s == 1.7e-6);
  CHECK(again.platform.pod().nic_efficiency == 1e-300);
  CHECK(again.routing.jitter == r.scenario.routing.jitter);
  CHECK(again.plan.dp_bucket_bytes == 123456789.125);
  CHECK(again.plan.recompute_modules == r.scenario.plan.recompute_modules);
  CHECK(again.plan.layout == "Et*4|t*4L");
}

TEST_CASE("histograms survive the round trip") {
  std::string loads;
  for (int i = 0; i < 32; ++i) loads += (i ? ", " : "") + std::to_string(i) + ".1";
  const ResolvedScenario r =
      load_text(kScenario + "routing: {kind: histogram, histogram: [" + loads + "]}\n");
  REQUIRE(r.scenario.routing.histogram.size() == 32);
  CHECK(r.scenario.routing.histogram[31] == 31.1);
  CHECK(round_trip(check_text(r)) == scenario_text(r.scenario));
}

TEST_CASE("the resolved scenario shows the origin of each value") {
  const std::string text = check_text(load_text(kScenario, {"plan.ep=8"}));
  CHECK(text.find("name: s                                 # s.yaml (its file name)\n") == 0);
  CHECK(text.find("\n  experts: 32                           # workloads/tiny.yaml:7\n") !=
        std::string::npos);
  CHECK(text.find("\n    memory_bytes: 80 GiB                # platforms/devices/gpu.yaml:4\n") !=
        std::string::npos);
  CHECK(text.find("\n  nic_bytes_per_s: 50 GB/s              # platforms/pod.yaml:5\n") !=
        std::string::npos);
  CHECK(text.find("\n  ep: 8                                 # --set plan.ep=8\n") !=
        std::string::npos);
  CHECK(text.find("\n  schedule: 1f1b                        # default\n") != std::string::npos);
  CHECK(text.find("# ?") == std::string::npos);
}

TEST_CASE("the resolved scenario fits a terminal") {
  const std::string path = "a/folder/of/a/very/long/name/to/the/scenario/" + std::string("s.yaml");
  std::map<std::string, std::string> files = preset_files();
  std::string slots;
  for (int i = 0; i < 32; ++i) slots += (i ? ", " : "") + std::to_string(i);
  files[path] = kScenario + "routing: {placement: table, expert_of_slot: [" + slots + "]}\n";
  const std::vector<std::string> sets = {"name=" + std::string("\"a name: of many words, ") +
                                         std::string(60, 'x') + "\""};
  const ResolvedScenario r = load_scenario(path, sets, {{"data"}}, MemoryFiles(files));
  const std::string text = check_text(r);
  CHECK(round_trip(text) == scenario_text(r.scenario));
  CHECK(
      text.find(
          "\n  sequence_length: 4096                 # …ry/long/name/to/the/scenario/s.yaml:3\n") !=
      std::string::npos);
  CHECK(text.find("\n  expert_of_slot: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, "
                  "17,\n    18, 19, ") != std::string::npos);
  CHECK(text.find("x\"  # --set name=\"a n") != std::string::npos);
}

TEST_CASE("texts are quoted where YAML would read something else") {
  CHECK(yaml_text("Et*4|(t*4|)*14tmL") == "Et*4|(t*4|)*14tmL");
  CHECK(yaml_text("H100 SXM") == "H100 SXM");
  for (const char* text :
       {"", "null", "~", "a: b", "a #b", "- x", "*x", " x", "x ", "[x", "x\ny", "%", "\"", "'"}) {
    Problems problems;
    const YamlNode node = parse_yaml("k: " + yaml_text(text), {"f", "", "", true}, problems);
    CHECK(problems.empty());
    REQUIRE(node.find("k"));
    CHECK(node.find("k")->kind == YamlNode::Kind::scalar);
    CHECK(node.find("k")->text == text);
  }
}
