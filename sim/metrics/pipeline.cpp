#include <algorithm>

#include "metrics/summarize.hpp"

namespace moesim {

namespace {

// Something that a block did on its first rank. `external`: it could start only when another block
// let it.
struct Stretch {
  double start_s = 0, end_s = 0;
  bool external = false;
};

// A message that a block hands to other stages or replicas goes on behind it and does not belong to
// its time.
bool works(const Block& block, const TaskGraph& graph, const Task& task) {
  const bool background = task.stream == Stream::dp || task.stream == Stream::pp;
  if (block.kind == BlockKind::prologue || (background && block.kind != BlockKind::optimizer))
    return false;
  if (task.kind != TaskKind::transfer) return task.rank == 0;
  const auto& ranks = graph.transfers[task.payload].ranks;
  return std::find(ranks.begin(), ranks.end(), 0u) != ranks.end();
}

// From the first start to the last end, without the time in which one half of a block was through
// and the other had not been let in yet. Waiting for each other within the block counts: that is
// communication.
double busy_s(std::vector<Stretch>& stretches) {
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.start_s < b.start_s; });
  double busy = 0, until = stretches.empty() ? 0 : stretches.front().start_s;
  for (const Stretch& stretch : stretches) {
    const double from = stretch.external ? std::max(until, stretch.start_s) : until;
    busy += std::max(0.0, stretch.end_s - from);
    until = std::max(until, stretch.end_s);
  }
  return busy;
}

}  // namespace

std::vector<PipelineStage> pipeline_use(const Program& program, const Execution& execution) {
  const Record& record = execution.record;
  std::vector<std::vector<Stretch>> stretches(program.blocks.size());
  for (uint32_t row = 0; row < record.rows(); ++row) {
    const Block& block = program.blocks[record.block[row]];
    const TaskGraph& graph = program.templates[block.graph];
    if (block.replica != 0 || !works(block, graph, graph.tasks[record.task[row]])) continue;
    const uint32_t cause = record.cause[row];
    const bool external = cause == kNoRow || record.block[cause] != record.block[row];
    stretches[record.block[row]].push_back({record.start_s[row], record.end_s[row], external});
  }
  std::vector<PipelineStage> stages;
  for (uint32_t id = 0; id < program.blocks.size(); ++id) {
    const Block& block = program.blocks[id];
    if (block.replica != 0) continue;
    while (stages.size() <= block.stage) stages.push_back({static_cast<int>(stages.size())});
    if (block.kind != BlockKind::prologue)
      stages[block.stage].seconds[static_cast<int>(block.kind)] += busy_s(stretches[id]);
  }
  for (PipelineStage& stage : stages) {
    stage.bubble_s = execution.makespan_s;
    for (double seconds : stage.seconds) stage.bubble_s -= seconds;
  }
  return stages;
}

}  // namespace moesim
