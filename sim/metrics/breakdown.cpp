#include <algorithm>

#include "metrics/summarize.hpp"

namespace moesim {

namespace {

double& exposed(Breakdown& breakdown, Stream stream) {
  switch (stream) {
    case Stream::ep:
      return breakdown.exposed_ep;
    case Stream::tp:
      return breakdown.exposed_tp;
    case Stream::cp:
      return breakdown.exposed_cp;
    case Stream::dp:
      return breakdown.exposed_dp;
    case Stream::pp:
      return breakdown.exposed_pp;
    case Stream::copy:
    case Stream::weights:
    case Stream::gradients:
      return breakdown.exposed_stream;
    case Stream::compute:
    case Stream::optimizer:
      break;
  }
  return breakdown.other;
}

class RankTimelines {
 public:
  RankTimelines(const Program& program, const Execution& execution)
      : program_(program),
        execution_(execution),
        ranks_(program.simulated_ranks),
        cursor_(program.simulated_ranks, 0.0),
        last_dp_(program.simulated_ranks, 0.0),
        last_stream_(program.simulated_ranks, 0.0) {}

  std::vector<Breakdown> run() {
    for (uint32_t row = 0; row < execution_.record.rows(); ++row) {
      const Task& task = task_of(row);
      const uint32_t first_rank = block_of(row).first_rank;
      if (task.kind == TaskKind::transfer) {
        if (task.stream == Stream::dp) note_dp(row, task, first_rank);
        if (task.stream == Stream::gradients) note_streaming(row, task, first_rank);
      } else {
        occupy(first_rank + task.rank, row, task);
      }
    }
    for (uint32_t rank = 0; rank < ranks_.size(); ++rank) close(rank);
    return std::move(ranks_);
  }

 private:
  const Block& block_of(uint32_t row) const {
    return program_.blocks[execution_.record.block[row]];
  }
  const Task& task_of(uint32_t row) const {
    return program_.templates[block_of(row).graph].tasks[execution_.record.task[row]];
  }

  void note_dp(uint32_t row, const Task& task, uint32_t first_rank) {
    const TaskGraph& graph = program_.templates[block_of(row).graph];
    for (uint32_t rank : graph.transfers[task.payload].ranks)
      last_dp_[first_rank + rank] =
          std::max(last_dp_[first_rank + rank], execution_.record.end_s[row]);
  }

  void note_streaming(uint32_t row, const Task& task, uint32_t first_rank) {
    for (uint32_t rank : program_.templates[block_of(row).graph].transfers[task.payload].ranks)
      last_stream_[first_rank + rank] =
          std::max(last_stream_[first_rank + rank], execution_.record.end_s[row]);
  }

  void occupy(uint32_t rank, uint32_t row, const Task& task) {
    const double start = execution_.record.start_s[row], end = execution_.record.end_s[row];
    if (start > cursor_[rank]) wait(rank, cursor_[rank], start, execution_.record.cause[row]);
    const double busy = end - std::max(start, cursor_[rank]);
    if (busy > 0)
      (task.phase == Phase::optimizer ? ranks_[rank].optimizer : ranks_[rank].compute) += busy;
    cursor_[rank] = std::max(cursor_[rank], end);
  }

  bool takes_part(uint32_t rank, uint32_t row) const {
    const Block& block = block_of(row);
    const auto& ranks = program_.templates[block.graph].transfers[task_of(row).payload].ranks;
    return std::find(ranks.begin(), ranks.end(), rank - block.first_rank) != ranks.end();
  }

  // A collective that this rank joined is exposed from its arrival on, waiting for the others
  // included; a message from another stage only while it travels, because before that the sender
  // was not ready: that is the bubble. Where one collective follows another, each counts for its
  // own time.
  void wait(uint32_t rank, double from, double to, uint32_t cause) {
    Breakdown& breakdown = ranks_[rank];
    while (cause != kNoRow && task_of(cause).kind == TaskKind::transfer && to > from) {
      const Stream stream = task_of(cause).stream;
      const double started = std::clamp(execution_.record.start_s[cause], from, to);
      const double left = std::clamp(execution_.record.end_s[cause], started, to);
      breakdown.bubble += to - left;
      const uint32_t before = execution_.record.cause[cause];
      const bool message = stream == Stream::pp || stream == Stream::dp;
      const bool follows = before != kNoRow && task_of(before).kind == TaskKind::transfer &&
                           takes_part(rank, before);
      const double joined = message || follows ? started : from;
      exposed(breakdown, stream) += left - joined;
      to = joined;
      if (!follows) break;
      cause = before;
    }
    breakdown.bubble += std::max(0.0, to - from);
  }

  void close(uint32_t rank) {
    const double end = execution_.makespan_s;
    // A wafer has nothing to do until its last gradients are out; then MemoryX updates the weights,
    // and the next step is set up.
    if (last_stream_[rank] > 0) {
      const double out = std::clamp(last_stream_[rank], cursor_[rank], end);
      ranks_[rank].exposed_stream += out - cursor_[rank];
      ranks_[rank].optimizer += end - out;
      return;
    }
    const double reduced = std::clamp(last_dp_[rank], cursor_[rank], end);
    ranks_[rank].exposed_dp += reduced - cursor_[rank];
    ranks_[rank].bubble += end - reduced;
  }

  const Program& program_;
  const Execution& execution_;
  std::vector<Breakdown> ranks_;
  std::vector<double> cursor_;
  std::vector<double> last_dp_;
  std::vector<double> last_stream_;  // end of a rank's last gradient stream; 0: none
};

}  // namespace

std::vector<Breakdown> breakdown_by_rank(const Program& program, const Execution& execution) {
  return RankTimelines(program, execution).run();
}

Breakdown mean(std::span<const Breakdown> ranks, std::span<const double> weights) {
  Breakdown sum;
  double total = weights.empty() ? static_cast<double>(ranks.size()) : 0;
  for (const double weight : weights) total += weight;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const double share = (weights.empty() ? 1 : weights[i]) / total;
    for (const BreakdownPart& part : kBreakdownParts)
      sum.*part.seconds += ranks[i].*part.seconds * share;
  }
  return sum;
}

}  // namespace moesim
