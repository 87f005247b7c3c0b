#include "trace/tracks.hpp"

#include <fmt/format.h>

namespace moesim {

namespace {

const char* track_name(Stream stream) {
  if (stream == Stream::weights) return "weight stream in";
  if (stream == Stream::gradients) return "gradient stream out";
  return stream == Stream::copy ? "activations to host and back" : name_of(stream);
}

std::string lane_name(std::string_view stream, int lane) {
  return lane == 0 ? std::string(stream) : fmt::format("{} {}", stream, lane + 1);
}

}  // namespace

TraceTracks::TraceTracks(const std::vector<bool>& traced, const LaneAllocator& lanes,
                         uint16_t critical_lanes)
    : traced_(traced), lanes_(lanes), critical_lanes_(critical_lanes) {
  // Above every process number: a thread with the number of a process would pass for its main
  // thread.
  uint32_t tid = 1000;
  while (tid < kFirstRankPid + traced.size()) tid *= 10;
  critical_tid_ = tid;
  tid += critical_lanes;
  first_tid_.assign(traced.size() * kStreams, 0);
  for (uint32_t track = 0; track < first_tid_.size(); ++track) {
    first_tid_[track] = tid;
    tid += lanes.lanes(track);
  }
}

void TraceTracks::describe(std::span<const RankLabel> labels, TraceEvents& events) const {
  if (critical_lanes_ > 0) events.process(kCriticalPid, "critical path", -1);
  for (uint16_t lane = 0; lane < critical_lanes_; ++lane)
    events.thread(critical(lane), lane_name("critical path", lane), lane);
  for (uint32_t rank = 0; rank < traced_.size(); ++rank) {
    if (!traced_[rank]) continue;
    const std::string name =
        rank < labels.size() ? labels[rank].name : fmt::format("simulated rank {}", rank);
    events.process(kFirstRankPid + rank, name, static_cast<int>(rank));
    int index = 0;
    for (int stream = 0; stream < kStreams; ++stream) {
      const auto which = static_cast<Stream>(stream);
      for (uint16_t lane = 0; lane < lanes_.lanes(TraceView::track(rank, which)); ++lane)
        events.thread(of(rank, which, lane), lane_name(track_name(which), lane), index++);
    }
  }
}

}  // namespace moesim
