#include "trace/critical.hpp"

#include <fmt/format.h>

#include "trace/phases.hpp"
#include "trace/rows.hpp"

namespace moesim {

CriticalTrack::CriticalTrack(const TraceInput& input, const TraceView& view)
    : input_(input), view_(view), allocator_(1) {
  const Record& record = input.execution.record;
  for (uint32_t row : input.critical_rows) {
    const int64_t start = view.start_ns(row), end = view.end_ns(row);
    if (end <= start) continue;
    if (stretches_.empty() || !continues(stretches_.back(), row))
      stretches_.push_back({row, start});
    Stretch& stretch = stretches_.back();
    stretch.end_ns = std::max(stretch.end_ns, end);
    // The record keeps nominal times in single precision.
    const double seconds = record.end_s[row] - record.start_s[row];
    const double beyond = seconds - static_cast<double>(record.nominal_s[row]);
    if (beyond > 1e-5 * seconds) stretch.contention_s += beyond;
  }
  const uint32_t track = 0;
  for (Stretch& stretch : stretches_)
    stretch.lane = allocator_.take({&track, 1}, stretch.start_ns, stretch.end_ns);
}

bool CriticalTrack::continues(const Stretch& stretch, uint32_t row) const {
  if (input_.options.level != TraceLevel::phase) return false;
  const Record& record = input_.execution.record;
  const auto apart = [](Stream stream) { return stream == Stream::pp || stream == Stream::dp; };
  const Task &a = view_.task(stretch.row), &b = view_.task(row);
  return record.block[stretch.row] == record.block[row] &&
         shown_phase(a.phase) == shown_phase(b.phase) &&
         (a.stream == b.stream || (!apart(a.stream) && !apart(b.stream)));
}

std::string CriticalTrack::place(const Stretch& stretch) const {
  const Task& task = view_.task(stretch.row);
  const uint32_t rank = view_.block(stretch.row).first_rank + task.rank;
  const int global =
      rank < input_.ranks.size() ? input_.ranks[rank].global_rank : static_cast<int>(rank);
  std::string text = fmt::format(R"("rank":{},"stream":"{}")", global, name_of(task.stream));
  if (stretch.contention_s > 0)
    text += fmt::format(R"(,"contention_us":{:.3f})", stretch.contention_s * 1e6);
  return text;
}

void CriticalTrack::write(const TraceTracks& tracks, TraceEvents& events) const {
  TraceNames names(input_.program);
  for (const Stretch& stretch : stretches_) {
    const Task& task = view_.task(stretch.row);
    const Block& block = view_.block(stretch.row);
    const Track track = tracks.critical(stretch.lane);
    const std::string where = place(stretch);
    const auto args = [&](Phase phase) {
      return fmt::format("{},{}", names.args(block, phase), where);
    };
    if (input_.options.level == TraceLevel::phase) {
      events.slice(track, stretch.start_ns, stretch.end_ns,
                   names.phase_name(block, shown_phase(task.phase)), args(shown_phase(task.phase)));
      continue;
    }
    for_each_kernel(input_.program, task, stretch.start_ns, stretch.end_ns,
                    [&](int64_t from, int64_t to, uint8_t op, Phase phase, uint16_t layer) {
                      events.slice(track, from, to,
                                   names.name(block, task.stream, phase, op, layer), args(phase));
                    });
  }
}

}  // namespace moesim
