#include <algorithm>

#include "metrics/summarize.hpp"

namespace moesim {

namespace {

// First start and last end of a block's work on one rank; what it hands to other stages or replicas goes on behind it.
struct Span {
  double start_s = 0, end_s = -1;
  void add(double start, double end) {
    if (end_s < start_s) start_s = start, end_s = end;
    start_s = std::min(start_s, start);
    end_s = std::max(end_s, end);
  }
};

bool works(const Block& block, const TaskGraph& graph, const Task& task) {
  const bool background = task.stream == Stream::dp || task.stream == Stream::pp;
  if (background && block.kind != BlockKind::optimizer) return false;
  if (task.kind != TaskKind::transfer) return task.rank == 0;
  const auto& ranks = graph.transfers[task.payload].ranks;
  return std::find(ranks.begin(), ranks.end(), 0u) != ranks.end();
}

}  // namespace

std::vector<PipelineStage> pipeline_use(const Program& program, const Execution& execution) {
  const Record& record = execution.record;
  std::vector<Span> spans(program.blocks.size());
  for (uint32_t row = 0; row < record.rows(); ++row) {
    const Block& block = program.blocks[record.block[row]];
    const TaskGraph& graph = program.templates[block.graph];
    if (works(block, graph, graph.tasks[record.task[row]]))
      spans[record.block[row]].add(record.start_s[row], record.end_s[row]);
  }
  std::vector<PipelineStage> stages;
  for (uint32_t id = 0; id < program.blocks.size(); ++id) {
    const Block& block = program.blocks[id];
    if (block.replica != 0) continue;
    while (stages.size() <= block.stage) stages.push_back({static_cast<int>(stages.size())});
    if (spans[id].end_s > spans[id].start_s)
      stages[block.stage].seconds[static_cast<int>(block.kind)] += spans[id].end_s - spans[id].start_s;
  }
  for (PipelineStage& stage : stages) {
    stage.bubble_s = execution.makespan_s;
    for (double seconds : stage.seconds) stage.bubble_s -= seconds;
  }
  return stages;
}

}  // namespace moesim
