// The levels task and flow: every kernel and transfer of the traced ranks, arrows and counters.
#pragma once

#include <vector>

#include "trace/arrows.hpp"
#include "trace/events.hpp"
#include "trace/names.hpp"
#include "trace/ports.hpp"
#include "trace/trace.hpp"
#include "trace/tracks.hpp"
#include "trace/view.hpp"

namespace moesim {

class TraceRows {
 public:
  TraceRows(const TraceInput& input, const TraceView& view, const TraceTracks& tracks,
            TraceEvents& events);
  void write();

 private:
  void compute(uint32_t row);
  void transfer(uint32_t row);
  void count_bytes(uint32_t row, std::span<const Flow> flows);
  void arrows(uint32_t row);
  Track track_of(uint32_t row, uint32_t rank) const {
    return tracks_.of(rank, view_.task(row).stream, view_.lane(row));
  }

  const TraceInput& input_;
  const TraceView& view_;
  const TraceTracks& tracks_;
  TraceEvents& events_;
  TraceNames names_;
  TraceArrows arrows_;
  PortSums sums_;
  ThroughputCounters counters_;
  std::vector<uint32_t> ranks_;
  std::vector<Flow> routed_;
};

// A compute row as its kernels, in proportion to their nominal times. Calls draw(start_ns, end_ns,
// op, phase, layer).
template <class Draw>
void for_each_kernel(const Program& program, const Task& task, int64_t start_ns, int64_t end_ns,
                     const Draw& draw) {
  double total = 0;
  if (task.kind == TaskKind::compute && task.payload < program.chains.size())
    for (const ChainPart& part : program.chains[task.payload].parts) total += part.seconds;
  if (!(total > 0)) return draw(start_ns, end_ns, task.op, task.phase, task.layer);
  const auto& parts = program.chains[task.payload].parts;
  double done = 0;
  int64_t from = start_ns;
  for (size_t i = 0; i < parts.size(); ++i) {
    done += parts[i].seconds;
    const auto share =
        static_cast<int64_t>(static_cast<double>(end_ns - start_ns) * (done / total) + 0.5);
    const int64_t to = i + 1 == parts.size() ? end_ns : std::min(end_ns, start_ns + share);
    if (to > from) draw(from, to, parts[i].op, parts[i].phase, parts[i].layer);
    from = to;
  }
}

}  // namespace moesim
