#include "timeline.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <sstream>

#include "base/diagnostics.hpp"
#include "metrics/summarize.hpp"
#include "trace/trace.hpp"

namespace moesim {

namespace {

// Viewers in a browser take long to open more, in bytes.
constexpr double kLargeTrace = 100e6;

// The simulated rank that users know by the number in `text`.
uint32_t simulated_rank(const LoweredProgram& lowered, const std::string& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw InputError(fmt::format("--trace-ranks: '{}' is not a rank number", text));
  const ProgramFacts facts = lowered.facts();
  if (number < 0 || number >= facts.devices)
    throw InputError(fmt::format("--trace-ranks: there is no rank {} (ranks are 0 to {})", number,
                                 facts.devices - 1));
  for (uint32_t rank = 0; rank < lowered.program().simulated_ranks; ++rank) {
    const bool device = facts.rank_weights.empty() || facts.rank_weights[rank] > 0;
    if (device && lowered.rank_number(rank) == number) return rank;
  }
  throw InputError(
      fmt::format("--trace-ranks: rank {} is not simulated (it is folded into a replica; "
                  "plan.simulated_replicas=0 simulates all)",
                  number));
}

TraceLevel trace_level(const std::string& text) {
  if (text == "phase") return TraceLevel::phase;
  return text == "flow" ? TraceLevel::flow : TraceLevel::task;
}

}  // namespace

std::vector<uint32_t> timeline_ranks(const LoweredProgram& lowered, const std::string& ranks) {
  if (ranks == "all") return {};
  std::vector<uint32_t> chosen;
  if (ranks.empty()) chosen = lowered.sample_ranks();
  std::istringstream list(ranks);
  for (std::string item; std::getline(list, item, ',');)
    chosen.push_back(simulated_rank(lowered, item));
  for (const uint32_t rank : lowered.drawn_always()) chosen.push_back(rank);
  return chosen;
}

void write_timeline(const RunResult& result, const TimelineOptions& options) {
  LoweredProgram& lowered = *result.lowered;
  std::vector<RankLabel> labels;
  for (uint32_t rank = 0; rank < lowered.program().simulated_ranks; ++rank)
    labels.push_back({lowered.rank_number(rank), lowered.rank_label(rank)});
  const std::vector<uint32_t> critical = critical_rows(result.execution);
  TraceInput input{lowered.program(),
                   result.execution,
                   labels,
                   critical,
                   {timeline_ranks(lowered, options.ranks), trace_level(options.level)}};
  const ProgramFacts facts = lowered.facts();
  input.nvlink_bytes_per_s = facts.nvlink_bytes_per_s;
  input.nic_bytes_per_s = facts.nic_bytes_per_s;
  input.flows_of = [&](BlockId block, TaskId task) { return lowered.flows(block, task); };
  for (const auto& moments : lowered.memory_over_time(result.execution.record)) {
    std::vector<MemoryPoint>& points = input.memory.emplace_back();
    for (const MemoryMoment& moment : moments) points.push_back({moment.time_s, moment.bytes});
  }
  input.on_size = [&](double bytes) {
    if (bytes > kLargeTrace && !options.file.ends_with(".gz"))
      spdlog::warn(
          "the timeline will take about {:.0f} MB: --trace-ranks and --trace-level phase draw "
          "less, a name that ends in .gz takes a tenth",
          bytes / 1e6);
  };
  write_trace_file(input, options.file);
}

}  // namespace moesim
