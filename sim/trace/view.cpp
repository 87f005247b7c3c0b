#include "trace/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/diagnostics.hpp"

namespace moesim {

int64_t to_ns(double seconds) { return std::llround(seconds * 1e9); }

uint16_t LaneAllocator::take(std::span<const uint32_t> tracks, int64_t start_ns, int64_t end_ns) {
  uint16_t lane = 0;
  const auto free = [&](uint32_t track) {
    return lane >= busy_until_ns_[track].size() || busy_until_ns_[track][lane] <= start_ns;
  };
  while (!std::all_of(tracks.begin(), tracks.end(), free)) ++lane;
  for (uint32_t track : tracks) {
    auto& lanes = busy_until_ns_[track];
    if (lane >= lanes.size()) lanes.resize(lane + size_t{1}, INT64_MIN);
    lanes[lane] = end_ns;
  }
  return lane;
}

std::vector<bool> traced_ranks(const Program& program, const std::vector<uint32_t>& sim_ranks) {
  std::vector<bool> traced(program.simulated_ranks, sim_ranks.empty());
  std::string missing;
  for (uint32_t rank : sim_ranks) {
    if (rank < traced.size())
      traced[rank] = true;
    else
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", rank);
  }
  if (!missing.empty())
    throw InputError(fmt::format("cannot trace rank {}: {} ranks are simulated", missing,
                                 program.simulated_ranks));
  return traced;
}

TraceView::TraceView(const Program& program, const Record& record, std::vector<bool> traced)
    : program_(program),
      record_(record),
      traced_(std::move(traced)),
      lane_(record.rows(), 0),
      lanes_(static_cast<size_t>(program.simulated_ranks) * kStreams) {
  std::vector<uint32_t> tracks;
  for (uint32_t row = 0; row < record_.rows(); ++row) {
    ranks(row, tracks);
    if (end_ns(row) > start_ns(row) && !tracks.empty()) order_.push_back(row);
  }
  std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
    return std::make_tuple(record_.start_s[a], record_.end_s[a], a) <
           std::make_tuple(record_.start_s[b], record_.end_s[b], b);
  });
  for (uint32_t row : order_) {
    ranks(row, tracks);
    for (uint32_t& rank : tracks) rank = track(rank, task(row).stream);
    lane_[row] = lanes_.take(tracks, start_ns(row), end_ns(row));
  }
}

void TraceView::ranks(uint32_t row, std::vector<uint32_t>& out) const {
  out.clear();
  const uint32_t first = block(row).first_rank;
  const Task& what = task(row);
  const auto add = [&](uint32_t rank) {
    if (traced(first + rank)) out.push_back(first + rank);
  };
  if (what.kind == TaskKind::transfer && !graph(row).transfers[what.payload].ranks.empty())
    for (uint32_t rank : graph(row).transfers[what.payload].ranks) add(rank);
  else
    add(what.rank);
}

}  // namespace moesim
