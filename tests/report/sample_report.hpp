// Reports to print: one as a run of medium size gives it, and the same scaled to extremes.
#pragma once

#include "metrics/step_report.hpp"

namespace moesim::test {

inline StepReport sample_report() {
  StepReport report;
  report.scenario = "qwen3-30b-a3b-h100x16";
  report.moesim_version = "0.1.0";
  report.simgrid_version = "3.32";
  report.fidelity = "auto";
  report.model = "Qwen3-30B-A3B";
  report.platform = "h100-sxm";
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

}  // namespace moesim::test
