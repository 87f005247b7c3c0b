#include "run/memory_over_time.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace moesim {
namespace {

struct Span {
  double start_s = std::numeric_limits<double>::infinity(), end_s = 0;
};

std::vector<Span> block_spans(const Program& program, const Record& record) {
  std::vector<Span> spans(program.blocks.size());
  for (size_t row = 0; row < record.rows(); ++row) {
    Span& span = spans[record.block[row]];
    span.start_s = std::min(span.start_s, record.start_s[row]);
    span.end_s = std::max(span.end_s, record.end_s[row]);
  }
  return spans;
}

using OperationKey = std::tuple<bool, int, int>;  // forward, microbatch, chunk

// Holds for one stage what is in memory while an operation runs, and after it.
struct Held {
  double during = 0, after = 0;
};

std::map<OperationKey, Held> held_by_operation(const StageMemoryNeed& need) {
  std::map<OperationKey, Held> held;
  const double lasting = need.state.total() + need.buffers_bytes;
  for (size_t i = 0; i < need.operations.size(); ++i) {
    const OperationMemory& now = need.operations[i];
    const bool last = i + 1 == need.operations.size();
    held.emplace(OperationKey{now.op.forward(), now.op.microbatch, now.op.chunk},
                 Held{lasting + now.peak, lasting + (last ? 0 : need.operations[i + 1].saved)});
  }
  return held;
}

}  // namespace

std::vector<std::vector<MemoryMoment>> memory_over_time(const Program& program,
                                                        const Record& record,
                                                        const StepContext& context,
                                                        const std::vector<StageMemoryNeed>& needs) {
  const std::vector<Span> spans = block_spans(program, record);
  std::vector<std::map<OperationKey, Held>> held;
  for (const StageMemoryNeed& need : needs) held.push_back(held_by_operation(need));

  // Blocks of a stage run one after another on all ranks of a cell.
  const auto cell = static_cast<uint32_t>(context.mapping.cell);
  std::map<uint32_t, std::vector<MemoryMoment>> by_cell;  // by first rank
  for (size_t i = 0; i < program.blocks.size(); ++i) {
    const Block& block = program.blocks[i];
    const bool backward = block.kind == BlockKind::backward || block.kind == BlockKind::overlapped;
    if (!backward && block.kind != BlockKind::forward) continue;
    // A joint block is counted by its backward, which is in either lane.
    const auto& stage = held[block.stage];
    for (const int lane : {0, 1}) {
      const auto found = stage.find(
          {!backward, static_cast<int>(microbatch_of(block, lane)), chunk_of(block, lane)});
      if (found == stage.end() || !(spans[i].end_s > 0)) continue;
      std::vector<MemoryMoment>& points = by_cell[block.first_rank];
      points.push_back({spans[i].start_s, found->second.during});
      points.push_back({spans[i].end_s, found->second.after});
      break;
    }
  }

  std::vector<std::vector<MemoryMoment>> ranks(program.simulated_ranks);
  const auto stage_ranks = static_cast<uint32_t>(context.mapping.simulated_cells) * cell;
  for (auto& [first, points] : by_cell) {
    const StageMemoryNeed& need = needs[first / stage_ranks];
    std::stable_sort(
        points.begin(), points.end(),
        [](const MemoryMoment& a, const MemoryMoment& b) { return a.time_s < b.time_s; });
    points.insert(points.begin(), {0, need.state.total() + need.buffers_bytes});
    for (uint32_t rank = first; rank < std::min(first + cell, program.simulated_ranks); ++rank)
      ranks[rank] = points;
  }
  return ranks;
}

}  // namespace moesim
