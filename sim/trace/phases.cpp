#include "trace/phases.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "trace/names.hpp"

namespace moesim {

namespace {

bool shown(const Task& task) {
  return task.stream == Stream::compute || task.stream == Stream::pp || task.stream == Stream::dp;
}

// Block in the high half, then rank within the block (24 bits), stream and phase.
uint64_t key_of(BlockId block, uint32_t rank, Stream stream, Phase phase) {
  return (uint64_t{block} << 32) | (uint64_t{rank} << 8) | (static_cast<uint64_t>(stream) << 4) |
         static_cast<uint64_t>(phase);
}

auto by_start(const PhaseSlice& slice) {
  return std::make_tuple(slice.start_ns, -slice.end_ns, slice.rank, slice.stream, slice.block,
                         slice.phase);
}

}  // namespace

Phase shown_phase(Phase phase) {
  return phase == Phase::recompute || phase == Phase::weight_gradient ? Phase::backward : phase;
}

std::vector<PhaseSlice> phase_slices(const Program& program, const Record& record,
                                     const TraceView& view, LaneAllocator& lanes) {
  std::vector<PhaseSlice> slices;
  std::unordered_map<uint64_t, size_t> index;
  std::vector<uint32_t> ranks;
  for (uint32_t row : view.order()) {
    const Task& task = view.task(row);
    if (!shown(task)) continue;
    const Phase phase = shown_phase(task.phase);
    view.ranks(row, ranks);
    for (uint32_t rank : ranks) {
      const uint32_t within = rank - program.blocks[record.block[row]].first_rank;
      const auto [found, fresh] =
          index.try_emplace(key_of(record.block[row], within, task.stream, phase), slices.size());
      if (fresh)
        slices.push_back({view.start_ns(row), 0, rank, record.block[row], task.stream, phase});
      PhaseSlice& slice = slices[found->second];
      slice.end_ns = std::max(slice.end_ns, view.end_ns(row));
    }
  }
  std::sort(slices.begin(), slices.end(),
            [](const PhaseSlice& a, const PhaseSlice& b) { return by_start(a) < by_start(b); });
  for (PhaseSlice& slice : slices) {
    const uint32_t track = TraceView::track(slice.rank, slice.stream);
    slice.lane = lanes.take({&track, 1}, slice.start_ns, slice.end_ns);
  }
  return slices;
}

void write_phases(const Program& program, const std::vector<PhaseSlice>& slices,
                  const TraceTracks& tracks, TraceEvents& events) {
  TraceNames names(program);
  for (const PhaseSlice& slice : slices) {
    const Block& block = program.blocks[slice.block];
    events.slice(tracks.of(slice.rank, slice.stream, slice.lane), slice.start_ns, slice.end_ns,
                 names.phase_name(block, slice.phase), names.args(block, slice.phase));
  }
}

}  // namespace moesim
