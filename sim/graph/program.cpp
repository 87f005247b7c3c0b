#include "graph/program.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace moesim {

void InstanceData::reset(const TaskGraph& graph) {
  seconds.resize(graph.drawn_computes);
  flows.resize(graph.drawn_transfers);
  fixed_s.assign(graph.drawn_transfers, 0);
}

uint8_t Program::op(const std::string& op_name) {
  const auto found = std::find(op_names.begin(), op_names.end(), op_name);
  if (found != op_names.end()) return static_cast<uint8_t>(found - op_names.begin());
  MOESIM_CHECK(op_names.size() < 255, "too many operation names");
  op_names.push_back(op_name);
  return static_cast<uint8_t>(op_names.size() - 1);
}

uint32_t Program::kernel(const KernelUse& use) {
  const auto found = std::find(kernels.begin(), kernels.end(), use);
  if (found != kernels.end()) return static_cast<uint32_t>(found - kernels.begin());
  kernels.push_back(use);
  return static_cast<uint32_t>(kernels.size() - 1);
}

BlockId Program::add_block(Block block) {
  block.inputs.assign(templates[block.graph].entry_ports(), 0);
  blocks.push_back(std::move(block));
  return static_cast<BlockId>(blocks.size() - 1);
}

void Program::connect(BlockId from, BlockPort from_port, BlockId to, BlockPort to_port) {
  MOESIM_CHECK(to_port < blocks[to].inputs.size(), "block {} has no entry port {}", to, to_port);
  MOESIM_CHECK(templates[blocks[from].graph].ranks == templates[blocks[to].graph].ranks, "{} -> {}",
               from, to);
  blocks[from].outputs.push_back({to, from_port, to_port});
  ++blocks[to].inputs[to_port];
}

namespace {
template <class Count>
double sum_over_blocks(const Program& program, Count&& count_task) {
  std::vector<double> per_template;
  for (const TaskGraph& graph : program.templates) {
    double count = 0;
    for (const Task& task : graph.tasks) count += count_task(task);
    per_template.push_back(count);
  }
  double total = 0;
  for (const Block& block : program.blocks) total += per_template[block.graph];
  return total;
}
bool takes_time(const Task& task) {
  return task.kind == TaskKind::compute || task.kind == TaskKind::transfer ||
         task.kind == TaskKind::delay;
}
}  // namespace

double Program::task_count() const {
  return sum_over_blocks(*this, [](const Task& task) { return takes_time(task) ? 1.0 : 0.0; });
}

double Program::kernel_count() const {
  return sum_over_blocks(*this, [this](const Task& task) {
    if (task.kind == TaskKind::compute)
      return std::max(1.0, static_cast<double>(chains[task.payload].parts.size()));
    return takes_time(task) ? 1.0 : 0.0;
  });
}

}  // namespace moesim
