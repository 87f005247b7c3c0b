// Which slices are joined by arrows: pipeline messages to what waits for them in the next stage's
// block; dispatch and combine from the compute that feeds them and, rank by rank, to what waits for
// the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "graph/program.hpp"
#include "graph/record.hpp"
#include "trace/view.hpp"

namespace moesim {

// The end at the other row is on `to_rank`.
struct Arrow {
  uint32_t from_row = 0;
  uint32_t from_rank = 0;  // simulated ranks
  uint32_t to_rank = 0;
};

class TraceArrows {
 public:
  // `senders`: dispatch and combine are drawn to a receiver from the ranks that send it most, up to
  // that many.
  TraceArrows(const Program& program, const Record& record, const TraceView& view, size_t senders);

  // Remembers the arrows that begin at this row; `flows` of a transfer, relative to its block's
  // first rank.
  void leave(uint32_t row, std::span<const Flow> flows);
  // The arrows that end at this row; each is given once.
  std::vector<Arrow> arrive(uint32_t row);

 private:
  // Per task of a template: the tasks that take time, and the exits, that wait for it directly or
  // through joins.
  using Waiting = std::vector<std::vector<TaskId>>;
  static Waiting waiting_tasks(const TaskGraph& graph);

  uint32_t row_of(BlockId block, TaskId task) const;
  bool drawn(uint32_t row) const;
  void point(uint32_t to_row, const Arrow& arrow);
  void leave_compute(uint32_t row);
  void leave_all_to_all(uint32_t row, std::span<const Flow> flows);
  void leave_message(uint32_t row);
  std::vector<std::vector<uint32_t>> largest_senders(uint32_t row,
                                                     std::span<const Flow> flows) const;

  const Program& program_;
  const Record& record_;
  const TraceView& view_;
  size_t senders_;
  std::vector<Waiting> waiting_;  // per template
  std::vector<uint64_t>
      first_;  // per block: where its rows begin in rows_; kNoBlock for blocks not drawn
  std::vector<uint32_t> rows_;                                // per task of the blocks drawn
  std::unordered_map<uint32_t, std::vector<Arrow>> pending_;  // by the row where they end
  std::vector<uint32_t> ranks_;
};

}  // namespace moesim
