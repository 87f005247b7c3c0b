// Small models, machines and plans for tests of the lowering and of whole steps.
#pragma once

#include <memory>
#include <vector>

#include "config/scenario.hpp"
#include "engine/reference.hpp"
#include "lower/step.hpp"

namespace moesim {

// One tile a second and k: FLOPs / peak, exactly, when shapes are multiples of the tiles. Memory
// costs nothing.
inline Device ideal_device() {
  Device device;
  device.name = "ideal";
  device.peak_bf16_flops = device.peak_fp8_flops = 1e15;
  device.sms = 1;
  device.memory_bytes = 1e15;
  device.memory_bytes_per_s = 1e30;
  device.gemm_efficiency = device.grouped_gemm_efficiency = device.fp8_efficiency = 1;
  device.sustained_efficiency = 1;
  device.attention_efficiency = device.attention_backward_efficiency = 1;
  device.memory_efficiency = 1;
  return device;
}

// Nothing that communication needs takes any time to speak of.
inline Pod ideal_pod(int gpus) {
  Pod pod;
  pod.name = "ideal";
  pod.device = ideal_device();
  pod.gpus = gpus;
  pod.nvlink_bytes_per_s = pod.nic_bytes_per_s = 1e24;
  return pod;
}

inline ModelShape dense_model(int layers) {
  ModelShape model;
  model.name = "tiny dense";
  model.layers = layers;
  model.hidden = 512;
  model.vocab = 1024;
  model.heads = 8;
  model.kv_heads = 4;
  model.head_dim = 64;
  model.dense_ffn = 1024;
  return model;
}

inline ModelShape moe_model(int layers, int experts = 16, int top_k = 4) {
  ModelShape model = dense_model(layers);
  model.name = "tiny moe";
  model.dense_ffn = 0;
  model.experts = experts;
  model.top_k = top_k;
  model.moe_ffn = 256;
  return model;
}

inline Batch tiny_batch(int global_batch, int sequence_length = 1024) {
  return {global_batch, 1, sequence_length};
}

inline std::unique_ptr<LoweredStep> lower(ModelShape model, Pod pod, Plan plan, Batch batch,
                                          RoutingSpec routing = {}) {
  return lower_step(
      {std::move(model), std::move(pod), std::move(plan), std::move(routing), batch, 1});
}

inline Scenario scenario_of(ModelShape model, Pod pod, Plan plan, Batch batch,
                            RoutingSpec routing = {}) {
  return {"test", std::move(model), std::move(pod), std::move(plan), std::move(routing), batch};
}

// Calls with every task of every block and its amounts as drawn for that block.
template <class Visit>
void for_each_task(LoweredStep& step, Visit&& visit) {
  InstanceData data;
  for (const Block& block : step.program.blocks) {
    const TaskGraph& graph = step.program.templates[block.graph];
    data.seconds.assign(graph.compute_slots, 0);
    data.flows.assign(graph.transfer_slots, {});
    data.fixed_s.assign(graph.transfer_slots, 0);
    if (graph.compute_slots + graph.transfer_slots > 0) step.work->fill(block, graph, data);
    for (const Task& task : graph.tasks) visit(block, graph, task, data);
  }
}

inline const std::vector<Flow>& flows_of(const TaskGraph& graph, const Task& task,
                                         const InstanceData& data) {
  return task.slot >= 0 ? data.flows[task.slot] : graph.transfers[task.payload].flows;
}

}  // namespace moesim
