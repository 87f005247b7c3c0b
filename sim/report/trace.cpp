#include "report/trace.hpp"

#include <fmt/format.h>

#include "report/trace_names.hpp"
#include "report/trace_phases.hpp"
#include "report/trace_rows.hpp"
#include "report/trace_tracks.hpp"

namespace moesim {

namespace {

// The critical path on its own track, each slice with the rank and stream where it happened.
class CriticalTrack {
 public:
  CriticalTrack(const TraceInput& input, const TraceView& view) : input_(input), view_(view), allocator_(1) {
    const uint32_t track = 0;
    for (uint32_t row : input.critical_rows)
      lane_.push_back(view.end_ns(row) > view.start_ns(row)
                          ? allocator_.take({&track, 1}, view.start_ns(row), view.end_ns(row))
                          : uint16_t{0});
  }
  uint16_t lanes() const { return allocator_.lanes(0); }

  void write(const TraceTracks& tracks, TraceEvents& events) const {
    TraceNames names(input_.program);
    for (size_t i = 0; i < lane_.size(); ++i) {
      const uint32_t row = input_.critical_rows[i];
      const int64_t start = view_.start_ns(row), end = view_.end_ns(row);
      if (end <= start) continue;
      const Task& task = view_.task(row);
      const Block& block = view_.block(row);
      const std::string where = place(row);
      for_each_kernel(
          input_.program, task, start, end, [&](int64_t from, int64_t to, uint8_t op, Phase phase, uint16_t layer) {
            const std::string args = fmt::format("{},{}", names.args(block, phase), where);
            events.slice(tracks.critical(lane_[i]), from, to, names.name(block, task.stream, phase, op, layer), args);
          });
    }
  }

 private:
  // Contention: what it took beyond the time that it takes alone.
  std::string place(uint32_t row) const {
    const uint32_t rank = view_.block(row).first_rank + view_.task(row).rank;
    const int global = rank < input_.ranks.size() ? input_.ranks[rank].global_rank : static_cast<int>(rank);
    const Record& record = input_.execution.record;
    const double seconds = record.end_s[row] - record.start_s[row];
    const double waited = seconds - static_cast<double>(record.nominal_s[row]);
    std::string text = fmt::format(R"("rank":{},"stream":"{}")", global, name_of(view_.task(row).stream));
    // The record keeps nominal times in single precision.
    if (waited > 1e-5 * seconds) text += fmt::format(R"(,"contention_us":{:.3f})", waited * 1e6);
    return text;
  }

  const TraceInput& input_;
  const TraceView& view_;
  LaneAllocator allocator_;
  std::vector<uint16_t> lane_;
};

}  // namespace

void write_trace(const TraceInput& input, ByteSink& sink) {
  const Record& record = input.execution.record;
  const TraceView view(input.program, record, traced_ranks(input.program, input.options.sim_ranks));
  const CriticalTrack critical(input, view);
  TraceEvents events(sink);
  if (input.options.level == TraceLevel::phase) {
    LaneAllocator lanes(static_cast<size_t>(input.program.simulated_ranks) * kStreams);
    const auto slices = phase_slices(input.program, record, view, lanes);
    const TraceTracks tracks(view.traced(), lanes, critical.lanes());
    tracks.describe(input.ranks, events);
    critical.write(tracks, events);
    write_phases(input.program, slices, tracks, events);
  } else {
    const TraceTracks tracks(view.traced(), view.lanes(), critical.lanes());
    tracks.describe(input.ranks, events);
    critical.write(tracks, events);
    TraceRows(input, view, tracks, events).write();
  }
  events.finish();
}

void write_trace_file(const TraceInput& input, const std::string& path) {
  FileSink file(path);
  if (path.ends_with(".gz")) {
    GzipSink gzip(file);
    write_trace(input, gzip);
    gzip.finish();
  } else {
    write_trace(input, file);
    file.finish();
  }
}

}  // namespace moesim
