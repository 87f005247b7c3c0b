#include "capacity/capacity_file.hpp"

#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

const std::string kSound = R"(title: which one
workload: qwen3-30b-a3b
batch: {global_batch: 256, sequence_length: 4096}
plan:
  dispatcher: deepep
tokens: 2T
deadline_s: {value: 30 d, note: assumed}
machines:
  - platform: h100-sxm
    counts: [64, 128]
    price_per_device_hour: {low: 2, high: 3.5, source: offers}
  - {platform: b200-hgx, counts: [64], price_per_device_hour: 5, node_power_w: 4 kW}
  - platform: cs3
    counts: [4]
    set: ["plan.attention_tiles=4"]
goodput: {device_mtbf_s: 50000 h}
pue: 1.2
)";

std::string errors(const std::string& text) {
  const MemoryFiles files({{"c.yaml", text}}, &disk_files());
  return input_error([&] { CapacityStudy("c.yaml", files); });
}
std::string with(const std::string& from, const std::string& to) {
  std::string text = kSound;
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("a capacity file: goals, machines, and a scenario for each") {
  const MemoryFiles files({{"c.yaml", kSound}}, &disk_files());
  const CapacityStudy s("c.yaml", files);
  const CapacityFile& f = s.file();
  CHECK(f.tokens == 2e12);
  CHECK(f.deadline_s == 30 * 86400);
  CHECK(f.pue == 1.2);
  REQUIRE(f.machines.size() == 3);
  CHECK(f.machines[0].counts == std::vector<int>{64, 128});
  CHECK(f.machines[0].price->low == 2);
  CHECK(f.machines[0].price->high == 3.5);
  CHECK(f.machines[1].price->low == 5);
  CHECK(f.machines[1].price->high == 5);
  CHECK(f.machines[1].node_power_w == 4000);
  CHECK_FALSE(f.machines[2].price);
  CHECK(f.machines[2].wafers);
  const Scenario pod = s.scenario(f.machines[0], 128, {"plan.ep=8"});
  CHECK(pod.platform.pod().gpus == 128);
  CHECK(pod.plan.ep == 8);
  CHECK(pod.plan.dispatcher == Dispatcher::deepep);
  CHECK(pod.goodput.device_mtbf_s == 50000 * 3600.0);
  CHECK(s.base(f.machines[2], 4).platform.wafers().systems == 4);
  CHECK(s.base(f.machines[2], 4).plan.attention_tiles == 4);
}

TEST_CASE("wrong keys and values are told with their place, all at once") {
  CHECK(errors(with("tokens: 2T", "tokns: 2T")) ==
        "c.yaml:6:1: tokns: is not a key of a capacity file (did you mean \"tokens\"?)");
  CHECK(errors(with("pue: 1.2", "pue: 0.5\nworkers: 3")).find("c.yaml:17:6: pue: ") == 0);
  CHECK(
      errors(with("pue: 1.2", "pue: 0.5\nworkers: 3")).find("c.yaml:18:1: workers: is not a key") !=
      std::string::npos);
  CHECK(errors(with("high: 3.5", "high: 1")) ==
        "c.yaml:11:28: machines[0].price_per_device_hour: low = 2 is above high = 1");
  CHECK(errors(with("high: 3.5, ", "")) ==
        "c.yaml:11:28: machines[0].price_per_device_hour.high: is missing: greatest price");
  CHECK(errors(with("counts: [64, 128]", "counts: [64, 64]")) ==
        "c.yaml:10:13: machines[0].counts: 64 is given twice");
  CHECK(errors(with("price_per_device_hour: 5", "price: 5"))
            .find("machines[1].price: is not a known key") != std::string::npos);
}

TEST_CASE("a list of machines with its source") {
  const MemoryFiles files(
      {{"c.yaml",
        "workload: qwen3-30b-a3b\nbatch: {global_batch: 256, sequence_length: 4096}\ntokens: 2T\n"
        "machines: {value: [{platform: h100-sxm, counts: [64], price_per_device_hour: 2}], source: "
        "offers}\n"}},
      &disk_files());
  const CapacityStudy s("c.yaml", files);
  REQUIRE(s.file().machines.size() == 1);
  REQUIRE(s.file().machines[0].price);
  CHECK(s.file().machines[0].price->middle() == 2);
}

TEST_CASE("errors of the scenario part keep their place in the file") {
  CHECK(errors(with("dispatcher: deepep", "dispatcher: deepepp"))
            .find("c.yaml:5:15: plan.dispatcher: ") == 0);
  CHECK(errors(with("global_batch: 256", "global_batch: many"))
            .find("c.yaml:3:23: batch.global_batch: ") == 0);
  CHECK(errors(with("platform: h100-sxm", "platform: h100-sxn"))
            .find("c.yaml:9:15: machines[0].platform: ") == 0);
  CHECK(errors(with("plan.attention_tiles=4", "plan.attention_tiless=4"))
            .find("c.yaml:15:10: machines[2].set: ") == 0);
  CHECK(errors(with("workload: qwen3-30b-a3b\n", "platform: h100-sxm\nworkload: qwen3-30b-a3b\n"))
            .find("c.yaml:2:1: platform: stands in each of machines") == 0);
}

TEST_CASE("what a capacity file cannot do without") {
  CHECK(
      errors("workload: qwen3-30b-a3b\nbatch: {global_batch: 8}\n").find("machines: is missing") !=
      std::string::npos);
  CHECK(errors("workload: qwen3-30b-a3b\nbatch: {global_batch: 8}\n").find("give one or both") !=
        std::string::npos);
  CHECK(errors("[1, 2]").find("expected a map with workload") != std::string::npos);
  CHECK(errors("{tokens: 1, machines: []}").find("stands on the line of another key") !=
        std::string::npos);
}
