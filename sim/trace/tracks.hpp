// Process and thread numbers of everything that is drawn, and their names.
#pragma once

#include <span>
#include <vector>

#include "trace/events.hpp"
#include "trace/trace.hpp"
#include "trace/view.hpp"

namespace moesim {

// Numbers of processes; 0 means the idle process to some viewers.
inline constexpr uint32_t kCriticalPid = 1;
inline constexpr uint32_t kFirstRankPid = 2;

class TraceTracks {
 public:
  // `lanes`: of each rank's streams (TraceView::track), and of the critical path as the one track
  // of its own.
  TraceTracks(const std::vector<bool>& traced, const LaneAllocator& lanes, uint16_t critical_lanes);

  Track of(uint32_t rank, Stream stream, uint16_t lane) const {
    return {kFirstRankPid + rank, first_tid_[TraceView::track(rank, stream)] + lane};
  }
  Track critical(uint16_t lane) const { return {kCriticalPid, critical_tid_ + lane}; }
  void describe(std::span<const RankLabel> labels, TraceEvents& events) const;

 private:
  const std::vector<bool>& traced_;
  const LaneAllocator& lanes_;
  uint16_t critical_lanes_;
  uint32_t critical_tid_ = 0;
  std::vector<uint32_t> first_tid_;  // per rank and stream
};

}  // namespace moesim
