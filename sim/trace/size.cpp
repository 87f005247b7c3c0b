#include <algorithm>
#include <bitset>

#include "trace/arrows.hpp"
#include "trace/phases.hpp"
#include "trace/trace.hpp"
#include "trace/view.hpp"

namespace moesim {

namespace {

// Bytes of the parts of an event that do not depend on what it shows, with numbers of typical
// length; measured on traces of 4 to 64 ranks, where they are right within 15 %.
constexpr double kSlice = 118, kTransferArgs = 44, kArrow = 210, kCounter = 92, kThread = 190,
                 kProcess = 190;
constexpr double kCriticalArgs = 30;
// Measured on the same traces: they repeat themselves, and times hold most of what is left.
constexpr double kGzipRatio = 12.5;

struct RankBytes {
  double own = 0;        // what the rank's process takes
  double critical = 0;   // of it, what would stand on the critical path too
  uint32_t threads = 0;  // streams in use, as bits
};

double name_bytes(const Program& program, uint8_t op) {
  return op < program.op_names.size() ? static_cast<double>(program.op_names[op].size()) : 0;
}

// Changes of throughput that a transfer causes: two for each port class in use.
double counter_events(const Transfer& transfer, bool routed) {
  if (routed) return 4;
  bool nvlink = false, nic = false;
  for (const Flow& flow : transfer.flows) {
    const int32_t port = ((flow.source % kPorts) + kPorts) % kPorts;
    (port == static_cast<int32_t>(Port::nvlink) || port == static_cast<int32_t>(Port::far_nvlink)
         ? nvlink
         : nic) = true;
  }
  return 2.0 * nvlink + 2.0 * nic;
}

double arrow_count(const Task& task, size_t participants) {
  if (task.stream == Stream::pp) return 1;
  if (task.stream != Stream::ep) return 0;
  return 1 +
         static_cast<double>(std::min(kArrowsPerReceiver, std::max<size_t>(1, participants - 1)));
}

void add_task(const Program& program, const TaskGraph& graph, const Task& task, TraceLevel level,
              std::vector<RankBytes>& ranks) {
  const auto used = 1u << static_cast<int>(task.stream);
  if (task.kind == TaskKind::transfer) {
    const Transfer& transfer = graph.transfers[task.payload];
    double bytes = kSlice + kTransferArgs + name_bytes(program, task.op);
    const double slice = bytes;
    const size_t participants = std::max<size_t>(1, transfer.ranks.size());
    if (level == TraceLevel::flow) {
      // A message is counted at its receiver too.
      const double ends = task.stream == Stream::pp ? 2 : 1;
      bytes += ends * kCounter * counter_events(transfer, task.slot >= 0) +
               kArrow * arrow_count(task, participants);
    } else if (task.stream == Stream::pp) {
      bytes += kArrow;
    }
    const auto add = [&](uint32_t rank) {
      ranks[rank].own += bytes;
      ranks[rank].critical += slice;
      ranks[rank].threads |= used;
    };
    if (transfer.ranks.empty()) add(task.rank);
    for (uint32_t rank : transfer.ranks) add(rank);
    return;
  }
  if (task.kind != TaskKind::compute && task.kind != TaskKind::delay) return;
  double bytes = kSlice + name_bytes(program, task.op);
  if (task.kind == TaskKind::compute && task.payload < program.runs.size() &&
      !program.runs[task.payload].parts.empty()) {
    bytes = 0;
    for (const RunPart& part : program.runs[task.payload].parts)
      bytes += kSlice + name_bytes(program, part.op);
  }
  ranks[task.rank].own += bytes;
  ranks[task.rank].critical += bytes;
  ranks[task.rank].threads |= used;
}

// A slice for each phase on each of the streams that the level shows.
std::vector<RankBytes> phase_bytes(const TaskGraph& graph) {
  std::vector<RankBytes> ranks(graph.ranks);
  std::vector<std::bitset<64>> seen(graph.ranks);
  const auto add = [&](const Task& task, uint32_t rank) {
    if (task.stream != Stream::compute && task.stream != Stream::pp && task.stream != Stream::dp)
      return;
    const size_t bit =
        static_cast<size_t>(task.stream) * 8 + static_cast<size_t>(shown_phase(task.phase));
    if (seen[rank].test(bit)) return;
    seen[rank].set(bit);
    ranks[rank].own += kSlice + 12;
    ranks[rank].critical += kSlice + 12;
    ranks[rank].threads |= 1u << static_cast<int>(task.stream);
  };
  for (const Task& task : graph.tasks) {
    if (task.kind == TaskKind::transfer && !graph.transfers[task.payload].ranks.empty())
      for (uint32_t rank : graph.transfers[task.payload].ranks) add(task, rank);
    else if (task.kind == TaskKind::compute || task.kind == TaskKind::transfer ||
             task.kind == TaskKind::delay)
      add(task, task.rank);
  }
  return ranks;
}

std::vector<RankBytes> template_bytes(const Program& program, const TaskGraph& graph,
                                      TraceLevel level) {
  if (level == TraceLevel::phase) return phase_bytes(graph);
  std::vector<RankBytes> ranks(graph.ranks);
  for (const Task& task : graph.tasks) add_task(program, graph, task, level, ranks);
  return ranks;
}

}  // namespace

double estimated_trace_bytes(const Program& program, const TraceOptions& options, bool gzip) {
  const auto traced = traced_ranks(program, options.sim_ranks);
  std::vector<std::vector<RankBytes>> per_template;
  for (const TaskGraph& graph : program.templates)
    per_template.push_back(template_bytes(program, graph, options.level));
  std::vector<uint32_t> threads(program.simulated_ranks);
  double bytes = 0, critical = 0;
  for (const Block& block : program.blocks)
    for (uint32_t rank = 0; rank < per_template[block.graph].size(); ++rank) {
      const RankBytes& of = per_template[block.graph][rank];
      const uint32_t simulated = block.first_rank + rank;
      critical += of.critical;
      if (simulated >= traced.size() || !traced[simulated]) continue;
      bytes += of.own;
      threads[simulated] |= of.threads;
    }
  for (uint32_t rank = 0; rank < traced.size(); ++rank)
    if (traced[rank])
      bytes += kProcess + kThread * static_cast<double>(std::bitset<32>(threads[rank]).count());
  // The critical path does about as much as one rank does.
  bytes += critical / std::max(1u, program.simulated_ranks) * (1 + kCriticalArgs / kSlice);
  return gzip ? bytes / kGzipRatio : bytes;
}

}  // namespace moesim
