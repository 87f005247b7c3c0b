#include "trace/trace.hpp"

#include "trace/critical.hpp"
#include "trace/phases.hpp"
#include "trace/rows.hpp"
#include "trace/tracks.hpp"

namespace moesim {

namespace {

void write_memory(const TraceInput& input, const TraceView& view, TraceEvents& events) {
  for (uint32_t rank = 0; rank < input.memory.size(); ++rank)
    if (view.traced(rank))
      for (const MemoryPoint& point : input.memory[rank])
        events.memory(kFirstRankPid + rank, to_ns(point.time_s), point.bytes);
}

// A slice with its share of arrows and counters, measured on shipped scenarios.
constexpr double kBytesOfPhase = 210, kBytesOfTask = 210, kBytesOfFlow = 250;

// Returns how many slices the levels task and flow draw of the rows.
double slices_of_rows(const Program& program, const TraceView& view) {
  double slices = 0;
  std::vector<uint32_t> ranks;
  for (uint32_t row : view.order()) {
    view.ranks(row, ranks);
    for_each_kernel(program, view.task(row), view.start_ns(row), view.end_ns(row),
                    [&](auto&&...) { slices += static_cast<double>(ranks.size()); });
  }
  return slices;
}

void tell_size(const TraceInput& input, double bytes) {
  if (input.on_size) input.on_size(bytes);
}

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
    tell_size(input, static_cast<double>(slices.size()) * kBytesOfPhase);
    tracks.describe(input.ranks, events);
    critical.write(tracks, events);
    write_phases(input.program, slices, tracks, events);
  } else {
    const TraceTracks tracks(view.traced(), view.lanes(), critical.lanes());
    if (input.on_size)
      tell_size(input, slices_of_rows(input.program, view) *
                           (input.options.level == TraceLevel::flow ? kBytesOfFlow : kBytesOfTask));
    tracks.describe(input.ranks, events);
    critical.write(tracks, events);
    TraceRows(input, view, tracks, events).write();
  }
  write_memory(input, view, events);
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
