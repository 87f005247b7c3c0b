// Presets, bases, overrides and --set, seen through scenarios.
#include "config/resolve.hpp"

#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

std::string origin(const ResolvedScenario& resolved, const std::string& key) {
  return resolved.sources.at(key).origin;
}

}  // namespace

TEST_CASE("overrides lie over presets, and each value knows where it came from") {
  const ResolvedScenario r = load_text(
      "workload: {base: tiny, top_k: 2}\n"
      "platform:\n"
      "  base: pod\n"
      "  gpus: 32\n"
      "  device: {launch_s: 3 us}\n" +
          kBatch + "plan: {ep: 8}\n",
      {"plan.ep=16", "workload.experts=64"});
  CHECK(r.scenario.name == "s");
  CHECK(r.scenario.workload.name == "tiny");
  CHECK(r.scenario.workload.top_k == 2);
  CHECK(r.scenario.workload.experts == 64);
  CHECK(r.scenario.workload.layers == 8);
  CHECK(r.scenario.platform.pod().gpus == 32);
  CHECK(r.scenario.platform.pod().device.name == "gpu");
  CHECK(r.scenario.platform.pod().device.launch_s == 3e-6);
  CHECK(r.scenario.platform.pod().device.peak_bf16_flops == 989.4e12);
  CHECK(r.scenario.platform.pod().device.memory_efficiency == 0.9);
  CHECK(r.scenario.platform.pod().nic_bytes_per_s == 50e9);
  CHECK(r.scenario.plan.ep == 16);
  CHECK(origin(r, "workload.layers") == "workloads/tiny.yaml:1");
  CHECK(origin(r, "workload.top_k") == "s.yaml:1");
  CHECK(origin(r, "platform.device.launch_s") == "s.yaml:5");
  CHECK(origin(r, "platform.device.peak_bf16_flops") == "platforms/devices/gpu.yaml:1");
  CHECK(origin(r, "plan.ep") == "--set plan.ep=16");
  CHECK(origin(r, "plan.tp") == "default");
  CHECK(origin(r, "name") == "s.yaml (its file name)");
}

TEST_CASE("a preset replaces what stood there; a map changes it") {
  const std::map<std::string, std::string> files = {
      {"base.yaml",
       "name: root\nworkload: {base: tiny, top_k: 2}\nplatform: {base: pod, device: {sms: 100}}\n" +
           kBatch}};
  const Scenario changed =
      load_text("base: base.yaml\nworkload: {moe_ffn: 256}\n", {}, files).scenario;
  CHECK(changed.name == "s");
  CHECK(changed.workload.top_k == 2);
  CHECK(changed.workload.moe_ffn == 256);
  CHECK(changed.platform.pod().device.sms == 100);
  const Scenario replaced =
      load_text("base: base.yaml\nworkload: tiny\nplatform: {device: old}\n", {}, files).scenario;
  CHECK(replaced.workload.top_k == 4);
  CHECK(replaced.platform.pod().device.sms == 132);
  CHECK(replaced.platform.pod().device.peak_fp8_flops == 0);
  CHECK(replaced.platform.pod().device.name == "old");
  CHECK(replaced.platform.name() == "pod");
}

TEST_CASE("overrides take values, maps and presets, in order") {
  CHECK(load_text(kScenario, {"workload=dense"}).scenario.workload.experts == 0);
  CHECK(
      load_text(kScenario, {"platform.device=old"}).scenario.platform.pod().device.peak_fp8_flops ==
      0);
  CHECK(load_text(kScenario, {"plan={tp: 2, ep: 4}", "plan.ep=8"}).scenario.plan.ep == 8);
  CHECK(load_text(kScenario, {"plan={tp: 2, ep: 4}", "plan.ep=8"}).scenario.plan.tp == 2);
  CHECK(load_text(kScenario, {"workload.top_k=2", "workload=tiny"}).scenario.workload.top_k == 4);
  CHECK(
      load_text(kScenario, {"workload.base=dense", "workload.layers=4"}).scenario.workload.layers ==
      4);
  CHECK(load_text(kScenario, {"platform.nic_bytes_per_s=200 Gbps"})
            .scenario.platform.pod()
            .nic_bytes_per_s == 25e9);
  CHECK(load_text(kScenario + "plan: {layout: Et*8L}\n", {"plan.layout="}).scenario.plan.layout ==
        "");
  CHECK(load_text(kScenario, {"routing={kind: zipf, exponent: 0.5}"}).scenario.routing.exponent ==
        0.5);
  CHECK(
      load_text("workload: tiny\nplatform: pod\n", {"batch={global_batch: 16, sequence_length: 8}"})
          .scenario.batch.sequence_length == 8);
}

TEST_CASE(
    "names are presets; names with a slash or an ending are files beside the text that names "
    "them") {
  const std::map<std::string, std::string> files = {
      {"models/own.yaml", "base: parts/narrow.yaml\nexperts: 16\n"},
      {"models/parts/narrow.yaml", "base: tiny\nmoe_ffn: 128\n"},
      {"data/workloads/tiny-wide.yaml", "name: Tiny Wide\nbase: tiny\nmoe_ffn: 1024\n"}};
  const ResolvedScenario own =
      load_text("workload: models/own.yaml\nplatform: pod\n" + kBatch, {}, files);
  CHECK(own.scenario.workload.experts == 16);
  CHECK(own.scenario.workload.moe_ffn == 128);
  CHECK(own.scenario.workload.name == "own");
  CHECK(origin(own, "workload.moe_ffn") == "models/parts/narrow.yaml:2");
  const ResolvedScenario wide =
      load_text("workload: tiny-wide\nplatform: pod\n" + kBatch, {}, files);
  CHECK(wide.scenario.workload.moe_ffn == 1024);
  CHECK(wide.scenario.workload.name == "Tiny Wide");
}

TEST_CASE("remarks may stand beside any key") {
  const Scenario s =
      load_text("title: a test\nnotes: [one, two]\ndescribe: {who: me}\n" + kScenario +
                "plan: {note: why, source: paper, ep: {value: 8, source: paper, note: why}}\n"
                "routing:\n  kind: histogram\n  histogram: {value: [" +
                [] {
                  std::string ones = "1";
                  for (int i = 1; i < 32; ++i) ones += ", 1";
                  return ones;
                }() +
                "], source: trace}\n")
          .scenario;
  CHECK(s.plan.ep == 8);
  CHECK(s.routing.histogram.size() == 32);
}

TEST_CASE("a long chain of bases ends") {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 40; ++i)
    files["data/workloads/w" + std::to_string(i) + ".yaml"] =
        "base: w" + std::to_string(i + 1) + "\n";
  const std::string error = errors_of("workload: w0\nplatform: pod\n" + kBatch, {}, files);
  CHECK(error.find(
            "data/workloads/w14.yaml:1:7: workload.base: too long a chain of bases: s.yaml -> ") ==
        0);
}
