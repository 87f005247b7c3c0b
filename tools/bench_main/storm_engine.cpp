#include <ctime>
#include <numeric>

#include "engine/simulate.hpp"
#include "graph/program.hpp"
#include "lower/all_to_all.hpp"
#include "storm.hpp"
#include "storm_flows.hpp"

namespace moesim::bench {

namespace {

struct NoRouting : InstanceSource {
  void fill(const Block&, const TaskGraph&, InstanceData&) const override {}
};

TaskGraph layer_template(const Storm& storm, const std::vector<Flow>& flows) {
  TaskGraphBuilder builder("layer", static_cast<uint32_t>(storm.ranks));
  Transfer transfer;
  transfer.flows = flows;
  for (int rank = 0; rank < storm.ranks; ++rank)
    transfer.ranks.push_back(static_cast<uint32_t>(rank));
  Task all_to_all;
  all_to_all.kind = TaskKind::transfer;
  all_to_all.stream = Stream::ep;
  all_to_all.payload = builder.add_transfer(std::move(transfer));
  const TaskId exchange = builder.add(all_to_all);
  for (int rank = 0; rank < storm.ranks; ++rank) {
    Task task;
    task.rank = static_cast<uint32_t>(rank);
    task.kind = TaskKind::entry;
    TaskId before = builder.add(task);
    task.kind = TaskKind::compute;
    task.seconds = storm.kernel_s;
    for (int i = 0; i < storm.kernels; ++i) {
      const TaskId kernel = builder.add(task);
      builder.edge(before, kernel);
      before = kernel;
    }
    builder.edge(before, exchange);
    task.kind = TaskKind::exit;
    builder.edge(exchange, builder.add(task));
  }
  return std::move(builder).freeze();
}

}  // namespace

StormResult run_with_engine(const Storm& storm) {
  const Fabric fabric = storm_fabric(storm);
  const std::vector<Flow> flows = storm_flows(storm, fabric);
  const std::clock_t begin = std::clock();
  Program program;
  program.chains.emplace_back();
  program.simulated_ranks = static_cast<uint32_t>(storm.ranks);
  program.templates.push_back(layer_template(storm, flows));
  for (int layer = 0; layer < storm.layers; ++layer) {
    program.add_block({});
    if (layer > 0)
      program.connect(static_cast<BlockId>(layer - 1), 0, static_cast<BlockId>(layer), 0);
  }
  EngineOptions options;
  options.all_activities = true;
  NoRouting source;
  const Execution execution = execute_simgrid(program, fabric, source, options);
  StormResult result;
  result.cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  result.makespan_s = execution.makespan_s;
  result.activities = static_cast<double>(execution.execs + execution.flows);
  return result;
}

}  // namespace moesim::bench
