// A small pipeline of expert-parallel stages, lowered by hand and run by the reference executor:
// everything that a timeline shows, small enough to check by eye. Each block has, per layer, a run
// of kernels, a dispatch whose flows differ from instance to instance, an expert run and a combine;
// then a message to the next stage. The last backward block of a stage also starts two gradient
// reductions per rank at once.
#pragma once

#include <string>
#include <vector>

#include "cluster/fabric.hpp"
#include "engine/reference.hpp"
#include "graph/program.hpp"
#include "trace/trace.hpp"

namespace moesim::test {

struct PipelineSize {
  int stages = 2, ranks = 4, microbatches = 3, layers = 2;  // ranks per stage, layers per stage
  int simulated() const { return stages * ranks; }
};

// All pairs send; who sends how much turns with the microbatch, the layer and the direction.
inline std::vector<Flow> routed_flows(const Block& block, const TaskGraph& graph,
                                      const Task& task) {
  std::vector<Flow> flows;
  const int ranks = static_cast<int>(graph.ranks);
  for (int i = 0; i < ranks; ++i)
    for (int j = 0; j < ranks; ++j)
      if (i != j)
        flows.push_back(
            {endpoint(i, i / 2 == j / 2 ? Port::nvlink : Port::nic),
             endpoint(j, i / 2 == j / 2 ? Port::nvlink : Port::nic),
             1e6 * (1 + (i + 2 * j + static_cast<int>(block.microbatch) + task.layer) % 5)});
  return flows;
}

class TurningSource : public InstanceSource {
 public:
  void fill(const Block& block, const TaskGraph& graph, InstanceData& out) const override {
    for (const Task& task : graph.tasks)
      if (task.slot >= 0 && task.kind == TaskKind::transfer)
        out.flows[static_cast<size_t>(task.slot)] = routed_flows(block, graph, task);
  }
};

class PipelineBuilder {
 public:
  PipelineBuilder(Program& program, PipelineSize size) : program_(program), size_(size) {
    const auto part = [&](const char* op, double seconds, Phase phase = Phase::forward) {
      return RunPart{program.op(op), phase, 0, seconds};
    };
    dense_ = {part("norm", 3.3e-6), part("qkv_projection", 41.7e-6), part("attention", 97.1e-6),
              part("router", 0.2e-9)};
    expert_ = {part("expert_fc1", 60e-6), part("expert_activation", 11e-6),
               part("expert_fc2", 33e-6)};
    (void)program.op("dispatch");
    (void)program.op("combine");
    (void)program.op("send activations");
    (void)program.op("gradient reduce");
  }

  uint32_t block_template(bool forward, bool send, bool reduce) {
    TaskGraphBuilder builder(forward ? "forward" : "backward", static_cast<uint32_t>(size_.ranks));
    const Phase phase = forward ? Phase::forward : Phase::backward;
    slots_ = 0;
    std::vector<TaskId> front;
    for (int rank = 0; rank < size_.ranks; ++rank)
      front.push_back(builder.add(task(TaskKind::entry, rank)));
    for (int layer = 0; layer < size_.layers; ++layer) {
      run(builder, front, dense_, layer, phase);
      all_to_all(builder, front, "dispatch", layer, phase, true);
      run(builder, front, expert_, layer, phase);
      all_to_all(builder, front, "combine", layer, phase, false);
    }
    for (int rank = 0; rank < size_.ranks; ++rank)
      finish(builder, front[rank], rank, forward, send, reduce);
    TaskGraph graph = std::move(builder).freeze();
    graph.transfer_slots = slots_;
    program_.templates.push_back(std::move(graph));
    return static_cast<uint32_t>(program_.templates.size() - 1);
  }

 private:
  static Task task(TaskKind kind, int rank) {
    Task made;
    made.kind = kind;
    made.rank = static_cast<uint32_t>(rank);
    return made;
  }

  void run(TaskGraphBuilder& builder, std::vector<TaskId>& front, std::vector<RunPart> parts,
           int layer, Phase phase) {
    double seconds = 0;
    for (RunPart& part : parts) {
      part.layer = static_cast<uint16_t>(layer);
      part.phase = phase;
      seconds += part.seconds;
    }
    program_.runs.push_back({parts});
    for (int rank = 0; rank < size_.ranks; ++rank) {
      Task made = task(TaskKind::compute, rank);
      made.phase = phase;
      made.op = parts[0].op;
      made.layer = static_cast<uint16_t>(layer);
      made.payload = static_cast<uint32_t>(program_.runs.size() - 1);
      made.seconds = seconds * (1 + 0.01 * rank);
      const TaskId id = builder.add(made);
      builder.edge(front[static_cast<size_t>(rank)], id);
      front[static_cast<size_t>(rank)] = id;
    }
  }

  void all_to_all(TaskGraphBuilder& builder, std::vector<TaskId>& front, const char* op, int layer,
                  Phase phase, bool routed) {
    Transfer transfer;
    transfer.latency_s = 2e-6;
    for (int rank = 0; rank < size_.ranks; ++rank)
      transfer.ranks.push_back(static_cast<uint32_t>(rank));
    if (!routed)
      for (int rank = 0; rank < size_.ranks; ++rank)
        transfer.flows.push_back(
            {endpoint(rank, Port::nic), endpoint((rank + 1) % size_.ranks, Port::nic), 3e6});
    Task made = task(TaskKind::transfer, 0);
    made.stream = Stream::ep;
    made.phase = phase;
    made.op = program_.op(op);
    made.layer = static_cast<uint16_t>(layer);
    made.payload = builder.add_transfer(transfer);
    if (routed) made.slot = slots_++;
    const TaskId id = builder.add(made);
    for (TaskId& before : front) {
      builder.edge(before, id);
      before = id;
    }
  }

  TaskId rank_transfer(TaskGraphBuilder& builder, TaskId after, int rank, Stream stream,
                       const char* op, Phase phase, const Flow& flow) {
    Transfer transfer;
    transfer.latency_s = 1e-6;
    transfer.ranks = {static_cast<uint32_t>(rank)};
    transfer.flows = {flow};
    Task made = task(TaskKind::transfer, rank);
    made.stream = stream;
    made.phase = phase;
    made.op = program_.op(op);
    made.payload = builder.add_transfer(transfer);
    const TaskId id = builder.add(made);
    builder.edge(after, id);
    return id;
  }

  void finish(TaskGraphBuilder& builder, TaskId front, int rank, bool forward, bool send,
              bool reduce) {
    const auto add_exit = [&](uint32_t port, TaskId after) {
      Task made = task(TaskKind::exit, rank);
      made.payload = port;
      builder.edge(after, builder.add(made));
    };
    add_exit(0, front);
    if (send) {
      const int peer = rank + (forward ? size_.ranks : -size_.ranks);
      add_exit(1, rank_transfer(builder, front, rank, Stream::pp, "send activations",
                                forward ? Phase::forward : Phase::backward,
                                {endpoint(rank, Port::nic), endpoint(peer, Port::nic), 8e6}));
    }
    for (int bucket = 0; reduce && bucket < 2; ++bucket)
      rank_transfer(builder, front, rank, Stream::dp, "gradient reduce", Phase::gradient_reduce,
                    {endpoint(rank, Port::nic), endpoint(rank, Port::far_nic), 5e6 * (bucket + 1)});
  }

  Program& program_;
  PipelineSize size_;
  int slots_ = 0;
  std::vector<RunPart> dense_, expert_;
};

// All forwards of a stage, then all backwards.
inline Program pipeline_program(PipelineSize size = {}) {
  Program program;
  program.simulated_ranks = static_cast<uint32_t>(size.simulated());
  PipelineBuilder builder(program, size);
  std::vector<std::vector<BlockId>> forward(size.stages), backward(size.stages);
  for (const bool is_forward : {true, false})
    for (int stage = 0; stage < size.stages; ++stage) {
      const bool send = is_forward ? stage + 1 < size.stages : stage > 0;
      const uint32_t plain = builder.block_template(is_forward, send, false);
      const uint32_t last = is_forward ? plain : builder.block_template(is_forward, send, true);
      for (int microbatch = 0; microbatch < size.microbatches; ++microbatch) {
        Block block;
        block.graph = microbatch + 1 == size.microbatches ? last : plain;
        block.first_rank = static_cast<uint32_t>(stage * size.ranks);
        block.stage = static_cast<uint16_t>(stage);
        block.microbatch = static_cast<uint32_t>(microbatch);
        block.first_layer = static_cast<uint16_t>(stage * size.layers + 10);
        (is_forward ? forward : backward)[stage].push_back(program.add_block(block));
      }
    }
  for (int stage = 0; stage < size.stages; ++stage) {
    std::vector<BlockId> order = forward[stage];
    order.insert(order.end(), backward[stage].begin(), backward[stage].end());
    for (size_t i = 1; i < order.size(); ++i) program.connect(order[i - 1], 0, order[i], 0);
    for (int microbatch = 0; microbatch < size.microbatches && stage + 1 < size.stages;
         ++microbatch) {
      program.connect(forward[stage][microbatch], 1, forward[stage + 1][microbatch], 0);
      program.connect(backward[stage + 1][microbatch], 1, backward[stage][microbatch], 0);
    }
  }
  return program;
}

// Two GPUs a node, so that dispatch uses NVLink and NICs.
inline Fabric pipeline_fabric(PipelineSize size = {}) {
  Pod pod;
  pod.gpus = size.simulated();
  pod.gpus_per_node = 2;
  pod.nvlink_bytes_per_s = 450e9;
  pod.nic_bytes_per_s = 50e9;
  std::vector<int> ranks;
  for (int rank = 0; rank < pod.gpus; ++rank) ranks.push_back(rank);
  return build_fabric(pod, ranks);
}

inline std::vector<uint32_t> critical_rows(const Execution& execution) {
  std::vector<uint32_t> rows;
  for (uint32_t row = execution.last_row; row != kNoRow; row = execution.record.cause[row])
    rows.push_back(row);
  return {rows.rbegin(), rows.rend()};
}

// A run with everything that a TraceInput points to.
struct TracedRun {
  PipelineSize size;
  Program program;
  Execution execution;
  std::vector<RankLabel> labels;
  std::vector<uint32_t> critical;

  explicit TracedRun(PipelineSize of = {}) : size(of), program(pipeline_program(of)) {
    TurningSource source;
    execution = execute_reference(program, pipeline_fabric(of), source);
    critical = critical_rows(execution);
    for (int rank = 0; rank < of.simulated(); ++rank) {
      const std::vector<std::pair<std::string, int>> place{{"pp", rank / of.ranks},
                                                           {"ep", rank % of.ranks}};
      labels.push_back({rank, rank_name(rank, place, rank / 2, rank % 2)});
    }
  }

  TraceInput input(TraceLevel level, std::vector<uint32_t> ranks = {}) const {
    TraceInput made{program, execution, labels, critical, {std::move(ranks), level}};
    made.flows_of = [this](BlockId id, TaskId task) {
      const Block& block = program.blocks[id];
      const TaskGraph& graph = program.templates[block.graph];
      return routed_flows(block, graph, graph.tasks[task]);
    };
    return made;
  }

  std::string trace(TraceLevel level, std::vector<uint32_t> ranks = {}) const {
    MemorySink sink;
    write_trace(input(level, std::move(ranks)), sink);
    return sink.text;
  }
};

}  // namespace moesim::test
