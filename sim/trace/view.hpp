// Selects what of a record is drawn: its rows by start time, the ranks on which each appears, and
// the lane that it takes there. Rows of one rank and stream that overlap in time go to further
// lanes ("dp 2"), because viewers cannot draw slices that overlap without nesting on one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/program.hpp"
#include "graph/record.hpp"

namespace moesim {

int64_t to_ns(double seconds);

// Lanes of one track each, filled in order of start times.
class LaneAllocator {
 public:
  explicit LaneAllocator(size_t tracks) : busy_until_ns_(tracks) {}
  // The first lane that is free from start_ns on, on all of the tracks; it is taken there until
  // end_ns.
  uint16_t take(std::span<const uint32_t> tracks, int64_t start_ns, int64_t end_ns);
  uint16_t lanes(uint32_t track) const {
    return static_cast<uint16_t>(busy_until_ns_[track].size());
  }

 private:
  std::vector<std::vector<int64_t>> busy_until_ns_;  // [track][lane]
};

// The ranks to draw, as flags. Throws InputError naming those that are not simulated.
std::vector<bool> traced_ranks(const Program& program, const std::vector<uint32_t>& sim_ranks);

class TraceView {
 public:
  TraceView(const Program& program, const Record& record, std::vector<bool> traced);

  const std::vector<uint32_t>& order() const {
    return order_;
  }  // rows to draw, by start, then end, then row
  uint16_t lane(uint32_t row) const { return lane_[row]; }  // the same on every rank of the row
  const LaneAllocator& lanes() const { return lanes_; }     // by track(rank, stream)

  const Block& block(uint32_t row) const { return program_.blocks[record_.block[row]]; }
  const TaskGraph& graph(uint32_t row) const { return program_.templates[block(row).graph]; }
  const Task& task(uint32_t row) const { return graph(row).tasks[record_.task[row]]; }
  int64_t start_ns(uint32_t row) const { return to_ns(record_.start_s[row]); }
  int64_t end_ns(uint32_t row) const { return to_ns(record_.end_s[row]); }
  const std::vector<bool>& traced() const { return traced_; }
  bool traced(uint32_t rank) const { return rank < traced_.size() && traced_[rank]; }
  // Simulated ranks on which the row is drawn, in place of what `out` held.
  void ranks(uint32_t row, std::vector<uint32_t>& out) const;

  static uint32_t track(uint32_t rank, Stream stream) {
    return rank * kStreams + static_cast<uint32_t>(stream);
  }

 private:
  const Program& program_;
  const Record& record_;
  std::vector<bool> traced_;
  std::vector<uint32_t> order_;
  std::vector<uint16_t> lane_;
  LaneAllocator lanes_;
};

}  // namespace moesim
