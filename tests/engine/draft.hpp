// Programs of one block put together by hand, and the ways to run them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "cluster/fabric.hpp"
#include "engine/reference.hpp"
#include "engine/simulate.hpp"
#include "in_child.hpp"
#include "lower/all_to_all.hpp"
#include "plan/plan.hpp"

namespace moesim {

struct NoRouting : InstanceSource {
  void fill(const Block&, const TaskGraph&, InstanceData&) const override {}
};

// 8 per node at 450 GB/s, a 50 GB/s NIC each, no latency.
inline Pod plain_pod(int gpus) {
  Pod pod;
  pod.gpus = gpus;
  pod.nvlink_bytes_per_s = 450e9;
  pod.nic_bytes_per_s = 50e9;
  return pod;
}

inline std::vector<int> range(int begin, int end) {
  std::vector<int> values;
  for (int i = begin; i < end; ++i) values.push_back(i);
  return values;
}

inline Fabric fabric_of(const Pod& pod) { return build_fabric(pod, range(0, pod.gpus)); }

class Draft {
 public:
  explicit Draft(uint32_t ranks, const std::string& name = "draft") : graph_(name, ranks) {
    program_.simulated_ranks = ranks;
  }

  using After = std::vector<TaskId>;
  TaskId compute(uint32_t rank, double seconds, const After& after = {}) {
    Task task;
    task.kind = TaskKind::compute;
    task.rank = rank;
    task.seconds = seconds;
    task.op = program_.op("work");
    task.payload = static_cast<uint32_t>(program_.runs.size());
    program_.runs.push_back({{{task.op, Phase::forward, 0, seconds}}});
    return add(task, after);
  }
  TaskId delay(double seconds, const After& after = {}) {
    Task task;
    task.kind = TaskKind::delay;
    task.seconds = seconds;
    task.op = program_.op("wait");
    return add(task, after);
  }
  TaskId transfer(Transfer transfer, const After& after = {}, Stream stream = Stream::ep) {
    Task task;
    task.kind = TaskKind::transfer;
    task.stream = stream;
    task.rank = transfer.ranks.empty() ? 0 : transfer.ranks[0];
    task.op = program_.op(name_of(stream));
    task.payload = graph_.add_transfer(std::move(transfer));
    return add(task, after);
  }
  TaskId entry(uint32_t rank, uint32_t port = 0) { return gate(TaskKind::entry, rank, port, {}); }
  TaskId exit(uint32_t rank, uint32_t port, const After& after) {
    return gate(TaskKind::exit, rank, port, after);
  }
  TaskId join(const After& after) { return add({}, after); }

  Program one_block() {
    program_.templates.push_back(std::move(graph_).freeze());
    program_.add_block({});
    return std::move(program_);
  }
  TaskGraph freeze() { return std::move(graph_).freeze(); }
  Program take_program() { return std::move(program_); }

 private:
  TaskId add(const Task& task, const After& after) {
    const TaskId id = graph_.add(task);
    for (const TaskId before : after) graph_.edge(before, id);
    return id;
  }
  TaskId gate(TaskKind kind, uint32_t rank, uint32_t port, const After& after) {
    Task task;
    task.kind = kind;
    task.rank = rank;
    task.payload = port;
    return add(task, after);
  }

  Program program_;
  TaskGraphBuilder graph_;
};

inline Transfer send(int from, int to, Port port, double bytes) {
  Transfer transfer;
  transfer.ranks = {static_cast<uint32_t>(from)};
  transfer.flows = {{endpoint(from, port), endpoint(to, port), bytes}};
  return transfer;
}

// Every member sends about `bytes` in all; the matrix is skewed by destination and perturbed by
// source.
inline Transfer skewed_all_to_all(const Fabric& fabric, const std::vector<int>& members,
                                  double bytes, double skew, uint64_t seed, AllToAllForm form) {
  const AllToAll group(fabric, 0, members);
  const int n = group.size();
  ByteMatrix matrix;
  matrix.reset(n);
  Random random(seed, {7});
  std::vector<double> popularity;
  for (int i = 0; i < n; ++i) popularity.push_back(std::exp(skew * random.normal()));
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      if (i != j)
        matrix.at(i, j) = bytes / n * popularity[j] * std::exp(0.2 * skew * random.normal());
  Transfer transfer;
  for (const int member : members) transfer.ranks.push_back(static_cast<uint32_t>(member));
  if (form == AllToAllForm::flat)
    group.flat(matrix, transfer.flows);
  else
    group.port_balanced(matrix, transfer.flows);
  return transfer;
}

inline Execution run_reference(const Program& program, const Fabric& fabric) {
  NoRouting source;
  return execute_reference(program, fabric, source);
}
// Once per process.
inline Execution run_simgrid(const Program& program, const Fabric& fabric,
                             bool all_activities = false) {
  NoRouting source;
  EngineOptions options;
  options.all_activities = all_activities;
  return execute_simgrid(program, fabric, source, options);
}

}  // namespace moesim
