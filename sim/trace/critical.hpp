// The critical path as a track of its own, each slice with the rank and stream where it happened.
#pragma once

#include <string>
#include <vector>

#include "trace/events.hpp"
#include "trace/names.hpp"
#include "trace/trace.hpp"
#include "trace/tracks.hpp"
#include "trace/view.hpp"

namespace moesim {

class CriticalTrack {
 public:
  CriticalTrack(const TraceInput& input, const TraceView& view);

  uint16_t lanes() const { return allocator_.lanes(0); }
  void write(const TraceTracks& tracks, TraceEvents& events) const;

 private:
  // Rows of the path that follow each other and are one slice: at level phase those of a block,
  // else a single one.
  struct Stretch {
    uint32_t row = 0;  // the first
    int64_t start_ns = 0, end_ns = 0;
    double contention_s = 0;  // what it took beyond the time that it takes alone
    uint16_t lane = 0;
  };

  bool continues(const Stretch& stretch, uint32_t row) const;
  std::string place(const Stretch& stretch) const;

  const TraceInput& input_;
  const TraceView& view_;
  LaneAllocator allocator_;
  std::vector<Stretch> stretches_;
};

}  // namespace moesim
