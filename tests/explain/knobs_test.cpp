#include "explain/knobs.hpp"

#include <algorithm>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

Scenario scenario(int gpus = 16) {
  Plan plan;
  plan.ep = 8;
  Pod pod = ideal_pod(gpus);
  pod.nvlink_bytes_per_s = 400e9;
  pod.nic_bytes_per_s = 50e9;
  pod.nic_latency_s = 2e-6;
  RoutingSpec routing;
  routing.kind = RoutingKind::zipf;
  routing.exponent = 0.5;
  return scenario_of(moe_model(4), pod, plan, tiny_batch(32), routing);
}

Knob knob(const Scenario& s, const std::string& name) {
  for (const Knob& found : knobs_of(s, 0.1).varied)
    if (found.name == name) return found;
  return {};
}

std::string why_not(const Scenario& s, const std::string& name) {
  for (const NotVaried& found : knobs_of(s, 0.1).not_varied)
    if (found.knob == name) return found.reason;
  return "";
}

using Sets = std::vector<std::string>;

}  // namespace

TEST_CASE("a bandwidth is scaled both ways") {
  const Knob nic = knob(scenario(), "NIC bandwidth");
  CHECK(nic.low_sets == Sets{"platform.nic_bytes_per_s=45000000000"});
  CHECK(nic.high_sets == Sets{"platform.nic_bytes_per_s=55000000000.000008"});
  CHECK(nic.low_ratio == Approx(0.9));
  CHECK(nic.high_ratio == Approx(1.1));
  CHECK(nic.value == "50.00 GB/s");
}

TEST_CASE("what is not there is not varied, and it says why") {
  CHECK(why_not(scenario(8), "NIC bandwidth") == "all devices are in one node");
  CHECK(why_not(scenario(), "leaf uplinks") == "the fabric does not block");
  CHECK(why_not(scenario(), "NVLink latency") == "is zero");
  CHECK(why_not(scenario(), "communication SMs") == "none are taken");
  CHECK(why_not(scenario(), "data-parallel SMs") == "none are taken");
  Scenario s = scenario();
  s.plan.cuda_graph = true;
  CHECK(why_not(s, "host launch") == "kernels are launched from a CUDA graph");
  s.routing.kind = RoutingKind::balanced;
  CHECK(why_not(s, kImbalance) == "routing is forced to be balanced");
  s.plan.ep = 1;
  CHECK(why_not(s, kImbalance) == "experts are not spread over ranks");
}

TEST_CASE("SMs are whole, at least one less and more") {
  Scenario s = scenario();
  s.platform.pod().device.sms = 132;
  s.plan.communication_sms = 20;
  const Knob sms = knob(s, "communication SMs");
  CHECK(sms.low_sets == Sets{"plan.communication_sms=18"});
  CHECK(sms.high_sets == Sets{"plan.communication_sms=22"});
  CHECK(sms.high_ratio == Approx(1.1));
  s.platform.pod().collective_sms = 16;
  CHECK(knob(s, "data-parallel SMs").low_sets == Sets{"platform.collective_sms=14"});
  s.plan.communication_sms = 114;  // 2 more leave compute nothing
  CHECK(knob(s, "communication SMs").high_sets == Sets{"plan.communication_sms=115"});
  s.plan.overlap_grad_reduce = s.plan.overlap_param_gather = false;
  CHECK(why_not(s, "data-parallel SMs") == "data-parallel communication is not beside compute");
  s.plan.communication_sms = 4;
  CHECK(knob(s, "communication SMs").high_ratio == Approx(1.25));
}

TEST_CASE("uplinks scale with the inverse of the oversubscription, never below 1") {
  Scenario s = scenario();
  s.platform.pod().oversubscription = 1.05;
  const Knob uplinks = knob(s, "leaf uplinks");
  CHECK(uplinks.high_sets == Sets{"platform.oversubscription=1"});
  CHECK(uplinks.high_ratio == Approx(1.05));
  CHECK(uplinks.low_ratio == Approx(0.9));
}

TEST_CASE("imbalance moves by the knob of the routing kind") {
  Scenario s = scenario();
  CHECK(knob(s, kImbalance).high_sets == Sets{"routing.exponent=0.55000000000000004"});
  s.routing.target_overload = 2;
  CHECK(knob(s, kImbalance).low_sets == Sets{"routing.target_overload=1.8999999999999999"});
  s.routing.kind = RoutingKind::histogram;
  s.routing.histogram = {1, 4};
  CHECK(knob(s, kImbalance).high_sets == Sets{"routing.histogram=[1, 4.5947934199881404]"});
  s.routing.kind = RoutingKind::uniform;
  CHECK(why_not(s, kImbalance) == "this kind of routing has no skew to scale");
}
