#include "timeline.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/diagnostics.hpp"
#include "metrics/summarize.hpp"
#include "run/run_wafer_step.hpp"
#include "trace/trace.hpp"

namespace moesim {

namespace {

constexpr double kWorthSayingBytes = 1e9;
constexpr size_t kDefaultRanks = 16;
constexpr int kDefaultWafers = 4;

std::vector<uint32_t> default_ranks(const StepContext& context) {
  std::vector<uint32_t> ranks;
  int node = -1;
  for (uint32_t rank = 0; rank < context.fabric.ranks.size() && ranks.size() < kDefaultRanks;
       ++rank) {
    const bool first_of_stage =
        rank % static_cast<uint32_t>(context.mapping.simulated_cells * context.mapping.cell) == 0;
    const bool first_of_node = context.plan.pp == 1 && context.fabric.ranks[rank].node != node;
    node = context.fabric.ranks[rank].node;
    if (first_of_stage || first_of_node) ranks.push_back(rank);
  }
  return ranks;
}

uint32_t simulated(const StepContext& context, const std::string& text) {
  int global = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), global);
  if (error != std::errc() || end != text.data() + text.size())
    throw InputError(fmt::format("--trace-ranks: '{}' is not a rank number", text));
  for (uint32_t rank = 0; rank < context.fabric.ranks.size(); ++rank)
    if (context.fabric.ranks[rank].global_rank == global) return rank;
  throw InputError(
      fmt::format("--trace-ranks: rank {} is not simulated ({})", global,
                  global < 0 || global >= context.mapping.world
                      ? fmt::format("ranks are 0 to {}", context.mapping.world - 1)
                      : "it is folded into a replica; plan.simulated_replicas=0 simulates all"));
}

}  // namespace

std::vector<uint32_t> timeline_ranks(const StepContext& context, const std::string& ranks) {
  if (ranks.empty()) return default_ranks(context);
  if (ranks == "all") return {};
  std::vector<uint32_t> chosen;
  std::istringstream list(ranks);
  for (std::string item; std::getline(list, item, ',');) chosen.push_back(simulated(context, item));
  return chosen;
}

std::vector<uint32_t> timeline_wafers(const WaferContext& context, const std::string& ranks) {
  std::vector<uint32_t> chosen;
  const int simulated = context.fabric.wafers;
  if (ranks.empty() || ranks == "all")
    for (int wafer = 0; wafer < (ranks.empty() ? std::min(simulated, kDefaultWafers) : simulated);
         ++wafer)
      chosen.push_back(static_cast<uint32_t>(wafer));
  std::istringstream list(ranks == "all" ? "" : ranks);
  for (std::string item; std::getline(list, item, ',');) {
    int wafer = -1;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), wafer);
    if (error != std::errc() || end != item.data() + item.size() || wafer < 0 || wafer >= simulated)
      throw InputError(
          fmt::format("--trace-ranks: '{}' is no wafer that is simulated (0 to {}; "
                      "plan.simulated_replicas=0 simulates all)",
                      item, simulated - 1));
    chosen.push_back(static_cast<uint32_t>(wafer));
  }
  return chosen;
}

namespace {

void write_wafer_timeline(const RunResult& result, const TimelineOptions& options) {
  LoweredWaferStep& step = *result.wafer_step;
  const WaferContext& context = step.context;
  TraceOptions trace;
  trace.level = options.level == "phase"  ? TraceLevel::phase
                : options.level == "flow" ? TraceLevel::flow
                                          : TraceLevel::task;
  trace.sim_ranks = timeline_wafers(context, options.ranks);
  trace.sim_ranks.push_back(context.fabric.memoryx_rank());
  trace.sim_ranks.push_back(context.fabric.swarmx_rank());
  const double bytes = estimated_trace_bytes(step.program, trace, options.file.ends_with(".gz"));
  if (bytes > kWorthSayingBytes)
    spdlog::warn(
        "the timeline will be about {:.1f} GB; --trace-ranks and --trace-level make it smaller",
        bytes / 1e9);
  std::vector<RankLabel> labels;
  for (uint32_t rank = 0; rank < context.ranks(); ++rank)
    labels.push_back({static_cast<int>(rank), wafer_label(context, rank)});
  const std::vector<uint32_t> critical = critical_rows(result.execution);
  TraceInput input{step.program, result.execution, labels, critical, trace};
  input.nic_bytes_per_s = context.system.wafer.io_bytes_per_s;
  input.flows_of = [&step](BlockId block, TaskId task) {
    const Block& of = step.program.blocks[block];
    return step.work->flows(of, step.program.templates[of.graph].tasks[task]);
  };
  write_trace_file(input, options.file);
}

}  // namespace

void write_timeline(const RunResult& result, const TimelineOptions& options) {
  if (result.wafer_step) return write_wafer_timeline(result, options);
  LoweredStep& step = *result.step;
  TraceOptions trace;
  trace.sim_ranks = timeline_ranks(step.context, options.ranks);
  trace.level = options.level == "phase"  ? TraceLevel::phase
                : options.level == "flow" ? TraceLevel::flow
                                          : TraceLevel::task;
  const bool gzip = options.file.ends_with(".gz");
  const double bytes = estimated_trace_bytes(step.program, trace, gzip);
  if (bytes > kWorthSayingBytes)
    spdlog::warn(
        "the timeline will be about {:.1f} GB; --trace-ranks and --trace-level make it smaller",
        bytes / 1e9);
  std::vector<RankLabel> labels;
  for (uint32_t rank = 0; rank < step.context.fabric.ranks.size(); ++rank)
    labels.push_back({step.context.fabric.ranks[rank].global_rank, rank_label(step.context, rank)});
  const std::vector<uint32_t> critical = critical_rows(result.execution);
  TraceInput input{step.program, result.execution, labels, critical, trace};
  const Pod& pod = step.context.pod;
  input.nvlink_bytes_per_s = pod.nvlink_bytes_per_s * pod.nvlink_efficiency;
  input.nic_bytes_per_s = pod.nic_bytes_per_s * pod.nic_efficiency;
  input.flows_of = [&step](BlockId block, TaskId task) {
    const Block& of = step.program.blocks[block];
    return step.work->flows(of, step.program.templates[of.graph].tasks[task]);
  };
  write_trace_file(input, options.file);
}

}  // namespace moesim
