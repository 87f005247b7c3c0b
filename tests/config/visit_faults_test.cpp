#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

TEST_CASE("faults and goodput of a scenario, and back to text") {
  const std::string text = kScenario +
                           "faults:\n"
                           "  devices:\n"
                           "    - {rank: 5, speed: 80 %, note: thermal throttling}\n"
                           "    - {node: 1, gpu: 2, speed: {value: 0.9, source: a log}}\n"
                           "  links: [{node: 0, nic: 0.5, nvlink: 0.25}]\n"
                           "  kernel_jitter: 0.02\n"
                           "goodput: {device_mtbf_s: 50000 h, restart_s: 10 min}\n"
                           "runs: 4\n";
  const Scenario s = load_text(text).scenario;
  REQUIRE(s.faults.devices.size() == 2);
  CHECK(s.faults.devices[0].place.rank == 5);
  CHECK(s.faults.devices[0].speed == 0.8);
  CHECK(s.faults.devices[1].place.node == 1);
  CHECK(s.faults.devices[1].place.gpu == 2);
  CHECK(s.faults.devices[1].speed == 0.9);
  REQUIRE(s.faults.links.size() == 1);
  CHECK(s.faults.links[0].nic == 0.5);
  CHECK(s.faults.links[0].nvlink == 0.25);
  CHECK(s.faults.kernel_jitter == 0.02);
  CHECK(s.goodput.device_mtbf_s == 1.8e8);
  CHECK(s.runs == 4);
  CHECK(scenario_text(load_text(scenario_text(s)).scenario) == scenario_text(s));
  CHECK(check_text(load_text(text)).find("# s.yaml:6") != std::string::npos);
}

TEST_CASE("a list of --set takes the place of the scenario's") {
  const std::string text = kScenario + "faults: {devices: [{rank: 5, speed: 0.8}]}\n";
  CHECK(load_text(text, {"faults.devices=[]"}).scenario.faults.devices.empty());
  CHECK(load_text(text, {"faults.devices=[{rank: 1}, {rank: 2}]"}).scenario.faults.devices.size() ==
        2);
}

TEST_CASE("what is wrong with faults") {
  struct Case {
    std::string faults, error;
  };
  const Case cases[] = {
      {"{devices: {rank: 1}}", "s.yaml:4:19: faults.devices: expected a list of maps, got a map"},
      {"{devices: [3]}", "s.yaml:4:20: faults.devices[0]: expected a map of keys, got \"3\""},
      {"{devices: [{rank: 1, sped: 1}]}",
       "s.yaml:4:30: faults.devices[0].sped: is not a known key (did you mean \"speed\"?)"},
      {"{devices: [{rank: 1}, {rank: 2, speed: 0}]}",
       "s.yaml:4:48: faults.devices[1].speed: must be above 0: a lost GPU stops the run, which "
       "goodput.device_mtbf_s counts; wafers may be lost"},
      {"{devices: [{speed: 0.5}]}",
       "s.yaml:4:20: faults.devices[0].rank: give either a rank, or a node and perhaps a gpu"},
      {"{devices: [{rank: 16}]}", "s.yaml:4:27: faults.devices[0].rank: ranks are 0 to 15"},
      {"{links: [{node: 2, nic: 0.5}]}", "s.yaml:4:25: faults.links[0].node: nodes are 0 to 1"},
      {"{links: [{node: 1, gpu: 8, nic: 0.5}]}",
       "s.yaml:4:33: faults.links[0].gpu: a node has devices 0 to 7"},
      {"{links: [{gpu: 3, rank: 1}]}",
       "s.yaml:4:24: faults.links[0].gpu: gpu counts within a node: give the node too"},
      {"{links: [{node: 1, nic: 0}]}",
       "s.yaml:4:33: faults.links[0].nic: no NIC of node 1 works: nothing to go over instead"},
  };
  for (const Case& c : cases) {
    INFO(c.faults);
    CHECK(errors_of(kScenario + "faults: " + c.faults + "\n") == c.error);
  }
}
