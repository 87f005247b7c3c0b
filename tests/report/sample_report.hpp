// Reports to print: one as a run of medium size gives it, and the same scaled to extremes.
#pragma once

#include "metrics/step_report.hpp"

namespace moesim::test {

inline SettingTree map_of(std::vector<SettingTree> items) {
  return {"", SettingTree::Kind::map, false, std::move(items)};
}

inline StepReport sample_report() {
  StepReport report;
  report.scenario = "qwen3-30b-a3b-h100x16";
  report.moesim_version = "0.1.0";
  report.simgrid_version = "3.32";
  report.fidelity = "auto";
  report.model = {"Qwen3-30B-A3B", 30.5e9, 3.3e9, 7.85e16 / 4194304};
  report.platform = map_of({scalar_setting("name", "h100-sxm"), scalar_setting("gpus", int64_t{16}),
                            scalar_setting("nic_bytes_per_s", 50e9)});
  report.plan = map_of({scalar_setting("ep", int64_t{8}), scalar_setting("ep_overlap", false),
                        scalar_setting("layout", "")});
  report.batch = map_of({scalar_setting("global_batch", int64_t{1024})});
  report.seed = 7;
  report.devices = 16;
  report.step_time_s = 20.13;
  report.tokens_per_step = 4194304;
  report.tokens_per_s = 4194304 / 20.13;
  report.tokens_per_s_per_device = report.tokens_per_s / 16;
  report.model_flops_per_step = 7.85e16;
  report.tflops_per_device = 243.7;
  report.mfu = 0.2464;
  report.breakdown_s = {.compute = 12.345,
                        .exposed_ep = 4.21,
                        .exposed_dp = 0.78,
                        .bubble = 1.875,
                        .optimizer = 0.92};
  for (int stage = 0; stage < 4; ++stage)
    report.memory.push_back({stage, 9.57e9, 4.785e9, 11.2e9, stage == 0 ? 31.1e9 : 21.1e9,
                             stage == 0 ? 56.655e9 : 46.655e9, 85.9e9, true});
  report.overload_factor = 1.382;
  report.lower_bound_s = 15.02;
  report.lower_bound_by = "device work";
  report.layer_overload = {0, 1.3, 1.464};
  report.critical_path = {{"expert_fc1", "compute", "", 5.12, 0.2543, 49152},
                          {"attention", "compute", "", 3.9, 0.1937, 49152},
                          {"dispatch", "ep", "node0.gpu3.nic.out", 2.2, 0.1093, 24576},
                          {"combine backward", "ep", "node1.gpu7.nvlink.in", 1.9, 0.0944, 24576}};
  report.resources = {{"node0.gpu3 compute", "compute", 0.932, 0},
                      {"node0.gpu3.nic.out", "nic", 0.441, 4.4e11},
                      {"node1.gpu7.nvlink.in", "nvlink", 0.213, 1.9e12},
                      {"node1.gpu6.nic.in", "nic", 0.2, 1e11}};
  report.simulation = {
      .wall_s = 3.21, .tasks = 1234567, .activities = 345678, .flows = 34000, .timers = 300000};
  report.simulation.transfers = 98304;
  report.simulation.contended_transfers = 1024;
  report.simulation.peak_rss_bytes = 210000000;
  report.simulation.folded = "2 data-parallel replicas simulated as 1";
  return report;
}

// The sample with every part of a report that may be absent.
inline StepReport full_report() {
  StepReport report = sample_report();
  report.device_noun = "wafer";
  report.simulation.cpu_s = 3.1;
  report.simulation.setup_cpu_s = 0.2;
  report.breakdown_s.exposed_stream = 0.1;
  report.memory[1].name = "SRAM";
  report.memory[1].breaks_it = "hidden";
  report.memory[1].fits = false;
  report.faults = "node 0 gpu 3 at 50 %";
  report.pipeline = {{0, {1, 2, 3, 4, 5}, 0.5}, {1, {1.5, 2, 3, 4, 5}, 0.25}};
  report.by_layer = {{"L1", "compute", "", 1, 0.1, 3}};
  report.by_link = {{"nic", "ep", "nic", 2, 0.2, 4}};
  report.goodput =
      GoodputReport{1e5, 1e7, 20, {10, 1000, 0.9, 0.8, 0.95, 0.01, 0.02, 0.07, 3, 1e12, 0.91}};
  report.runs = SeedSpread{3, {2, 20.2, 0.1, 20, 20.2, 20.3, 20.35, 20.4, 20, 20.4}, {20, 20.4}};
  report.routing = map_of({scalar_setting("kind", "zipf"), scalar_setting("exponent", 0.1 + 0.2)});
  report.workload =
      map_of({{"histogram",
               SettingTree::Kind::list,
               false,
               {scalar_setting("", 1.0), scalar_setting("", 0.5)}},
              {"device", SettingTree::Kind::map, false, {scalar_setting("sms", int64_t{132})}}});
  return report;
}

// Every second of the report times `factor`; counts and bytes with it, so that all columns see
// large figures.
inline StepReport scaled_report(double factor) {
  StepReport report = sample_report();
  report.step_time_s *= factor;
  report.lower_bound_s *= factor;
  report.tokens_per_s /= factor;
  report.tokens_per_s_per_device /= factor;
  report.tflops_per_device *= factor;
  Breakdown& b = report.breakdown_s;
  for (double* seconds : {&b.compute, &b.exposed_ep, &b.exposed_dp, &b.bubble, &b.optimizer})
    *seconds *= factor;
  for (CriticalPathEntry& entry : report.critical_path) entry.seconds *= factor;
  for (ResourceUse& use : report.resources) use.bytes *= factor;
  for (StageMemory& stage : report.memory) {
    stage.activations_bytes *= factor;
    stage.total_bytes *= factor;
    stage.fits = stage.total_bytes <= stage.capacity_bytes;
  }
  report.simulation.wall_s *= factor;
  return report;
}

// Numbers that a text loses easily: 17 digits, a third, the largest seed, the smallest double.
inline StepReport with_awkward_numbers(StepReport report) {
  report.step_time_s = 20.130000000000003;
  report.mfu = 1.0 / 3;
  report.seed = UINT64_MAX;
  report.lower_bound_s = 5e-324;
  return report;
}

}  // namespace moesim::test
