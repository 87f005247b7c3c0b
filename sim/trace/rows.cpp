#include "trace/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace moesim {

namespace {

// The ranks that send a receiver most, of which arrows are drawn.
constexpr size_t kSendersOfTask = 1, kSendersOfFlow = 4;

}  // namespace

TraceRows::TraceRows(const TraceInput& input, const TraceView& view, const TraceTracks& tracks,
                     TraceEvents& events)
    : input_(input),
      view_(view),
      tracks_(tracks),
      events_(events),
      names_(input.program),
      arrows_(input.program, input.execution.record, view,
              input.options.level == TraceLevel::flow ? kSendersOfFlow : kSendersOfTask),
      sums_(input.program.simulated_ranks),
      counters_(input.program.simulated_ranks, {input.nvlink_bytes_per_s, input.nvlink_bytes_per_s,
                                                input.nic_bytes_per_s, input.nic_bytes_per_s}) {}

void TraceRows::write() {
  for (uint32_t row : view_.order()) {
    counters_.advance(view_.start_ns(row), kFirstRankPid, events_);
    if (view_.task(row).kind == TaskKind::transfer)
      transfer(row);
    else
      compute(row);
  }
  counters_.advance(INT64_MAX, kFirstRankPid, events_);
}

void TraceRows::compute(uint32_t row) {
  const Task& task = view_.task(row);
  const Block& block = view_.block(row);
  view_.ranks(row, ranks_);
  const Track track = track_of(row, ranks_.front());
  for_each_kernel(input_.program, task, view_.start_ns(row), view_.end_ns(row),
                  [&](int64_t from, int64_t to, uint8_t op, Phase phase, uint16_t layer) {
                    events_.slice(track, from, to,
                                  names_.name(block, task.stream, phase, op, layer),
                                  names_.args(block, phase));
                  });
  arrows(row);
  arrows_.leave(row, {});
}

void TraceRows::transfer(uint32_t row) {
  const Task& task = view_.task(row);
  const Block& block = view_.block(row);
  std::span<const Flow> flows = view_.graph(row).transfers[task.payload].flows;
  if (task.draw >= 0) {
    routed_.clear();
    if (input_.flows_of)
      routed_ =
          input_.flows_of(input_.execution.record.block[row], input_.execution.record.task[row]);
    flows = routed_;
  }
  sums_.reset(flows, block.first_rank);
  const auto name = names_.name(block, task.stream, task.phase, task.op, task.layer);
  fmt::memory_buffer args;
  view_.ranks(row, ranks_);
  for (uint32_t rank : ranks_) {
    args.clear();
    args.append(names_.args(block, task.phase));
    if (!flows.empty())
      fmt::format_to(std::back_inserter(args), R"(,"bytes_out":{:.0f},"bytes_in":{:.0f})",
                     sums_.of(rank).out(), sums_.of(rank).in());
    events_.slice(track_of(row, rank), view_.start_ns(row), view_.end_ns(row), name,
                  {args.data(), args.size()});
  }
  arrows(row);
  arrows_.leave(row, flows);
  count_bytes(row, flows);
}

// Bytes move after the latency has been paid.
void TraceRows::count_bytes(uint32_t row, std::span<const Flow> flows) {
  if (flows.empty()) return;
  const int64_t end = view_.end_ns(row);
  int64_t start =
      view_.start_ns(row) + to_ns(view_.graph(row).transfers[view_.task(row).payload].latency_s);
  if (start >= end) start = view_.start_ns(row);
  for (uint32_t rank : sums_.touched())
    if (view_.traced(rank)) counters_.add(rank, start, end, sums_.of(rank));
}

// From the last nanosecond of the one slice to the first of the other: both inside.
void TraceRows::arrows(uint32_t row) {
  for (const Arrow& arrow : arrows_.arrive(row)) {
    const Task& from = view_.task(arrow.from_row);
    const Task& named = from.kind == TaskKind::transfer ? from : view_.task(row);
    events_.arrow(
        names_.name(view_.block(arrow.from_row), named.stream, named.phase, named.op, named.layer),
        track_of(arrow.from_row, arrow.from_rank), view_.end_ns(arrow.from_row) - 1,
        track_of(row, arrow.to_rank), view_.start_ns(row));
  }
}

}  // namespace moesim
