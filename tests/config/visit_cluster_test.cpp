#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

TEST_CASE("keys of a pod, of its device and of its dispatchers reach their members") {
  const std::vector<std::string> sets{"platform.gpus_per_node=4",
                                      "platform.nic_latency_s=3 us",
                                      "platform.oversubscription=2",
                                      "platform.device.launch_s=5 us",
                                      "platform.device.power_w=700 W",
                                      "platform.deepep.startup_s=9 us",
                                      "platform.hybridep.nic_efficiency=0.5"};
  const Pod pod = load_text(kScenario, sets).scenario.platform.pod();
  CHECK(pod.gpus == 16);
  CHECK(pod.gpus_per_node == 4);
  CHECK(pod.nvlink_bytes_per_s == 450e9);
  CHECK(pod.nic_bytes_per_s == 50e9);
  CHECK(pod.nic_latency_s == 3e-6);
  CHECK(pod.oversubscription == 2);
  CHECK(pod.device.launch_s == 5e-6);
  CHECK(pod.device.power_w == 700);
  CHECK(pod.device.peak_bf16_flops == 989.4e12);
}

TEST_CASE("dispatchers' costs are sections of their own") {
  const std::string text = check_text(
      load_text(kScenario, {"platform.deepep.startup_s=9 us", "platform.hybridep.startup_s=7 us"}));
  const size_t deepep = text.find("deepep:"), hybridep = text.find("hybridep:");
  REQUIRE(deepep != std::string::npos);
  REQUIRE(hybridep != std::string::npos);
  CHECK(text.find("startup_s: 9 us", deepep) != std::string::npos);
  CHECK(text.find("startup_s: 7 us", hybridep) != std::string::npos);
}

TEST_CASE("a platform that names a wafer is a wafer system") {
  const std::string wafer = "platform: {wafer: {}, systems: 2}\n";
  CHECK(errors_of("workload: tiny\n" + wafer + kBatch).find("platform.gpus") == std::string::npos);
  CHECK(errors_of("workload: tiny\nplatform: {gpus: 8}\n" + kBatch).find("platform.device") !=
        std::string::npos);
}
