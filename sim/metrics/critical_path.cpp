#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "metrics/summarize.hpp"

namespace moesim {

std::vector<uint32_t> critical_rows(const Execution& execution) {
  std::vector<uint32_t> rows;
  for (uint32_t row = execution.last_row; row != kNoRow; row = execution.record.cause[row])
    rows.push_back(row);
  std::reverse(rows.begin(), rows.end());
  return rows;
}

namespace {

// The link that a transfer keeps busiest; -1 when it moves no bytes.
int32_t busiest_link(const Program& program, const Fabric& fabric, const Record& record,
                     uint32_t row, const FlowsOf& flows_of) {
  const Block& block = program.blocks[record.block[row]];
  const TaskGraph& graph = program.templates[block.graph];
  const Task& task = graph.tasks[record.task[row]];
  const bool drawn = task.draw >= 0 && flows_of;
  const std::vector<Flow> flows =
      drawn ? flows_of(record.block[row], record.task[row]) : graph.transfers[task.payload].flows;
  std::map<int32_t, double> load;
  const int32_t shift = static_cast<int32_t>(block.first_rank) * kPorts;
  for (const Flow& flow : flows) {
    const Route route = fabric.route(flow.source + shift, flow.target + shift);
    for (int32_t link : route.span()) load[link] += flow.bytes;
  }
  double longest = 0;
  int32_t busiest = -1;
  for (const auto& [link, bytes] : load) {
    const double seconds = bytes / fabric.links[link].bytes_per_s;
    if (seconds <= longest) continue;
    longest = seconds;
    busiest = link;
  }
  return busiest;
}

// As a user would name it.
const char* class_name(const Fabric& fabric, int32_t link) {
  if (link < 0) return "";
  return names(fabric.links[link].link_class).title;
}

// A kernel or transfer on the critical path.
struct Piece {
  const Task* task = nullptr;
  const Block* block = nullptr;
  uint8_t op = 0;
  Phase phase = Phase::forward;
  int layer = 0;
  double seconds = 0;
};

// Runs are split into their kernels in proportion to nominal time. Transfers are passed with their
// row.
template <class Visit>
void for_each_piece(const Program& program, const Execution& execution, Visit&& visit) {
  const Record& record = execution.record;
  for (const uint32_t row : critical_rows(execution)) {
    const Block& block = program.blocks[record.block[row]];
    const Task& task = program.templates[block.graph].tasks[record.task[row]];
    const double seconds = record.end_s[row] - record.start_s[row];
    const int first_layer = first_layer_of(block, task.lane);
    if (task.kind != TaskKind::compute) {
      visit(row, Piece{&task, &block, task.op, task.phase, first_layer + task.layer, seconds});
      continue;
    }
    double nominal = 0;
    for (const ChainPart& part : program.chains[task.payload].parts) nominal += part.seconds;
    for (const ChainPart& part : program.chains[task.payload].parts)
      visit(row, Piece{&task, &block, part.op, part.phase, first_layer + part.layer,
                       nominal > 0 ? seconds * part.seconds / nominal : 0});
  }
}

std::vector<CriticalPathEntry> longest_first(std::vector<CriticalPathEntry> entries,
                                             double step_s) {
  for (CriticalPathEntry& entry : entries) entry.share = step_s > 0 ? entry.seconds / step_s : 0;
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return entries;
}

template <class Key>
std::vector<CriticalPathEntry> values_of(std::map<Key, CriticalPathEntry>& entries) {
  std::vector<CriticalPathEntry> values;
  for (auto& [key, entry] : entries) values.push_back(std::move(entry));
  return values;
}

bool is_compute(const Piece& piece) { return piece.task->kind == TaskKind::compute; }

}  // namespace

std::vector<CriticalPathEntry> critical_path(const Program& program, const Fabric& fabric,
                                             const Execution& execution, const FlowsOf& flows_of) {
  std::map<std::pair<std::string, std::string>, CriticalPathEntry> entries;
  const Record& record = execution.record;
  for_each_piece(program, execution, [&](uint32_t row, const Piece& piece) {
    const std::string& op = program.op_names[piece.op];
    const char* kind = is_compute(piece) ? "compute" : name_of(piece.task->stream);
    CriticalPathEntry& entry = entries[{op, kind}];
    entry.op = op;
    entry.kind = kind;
    entry.seconds += piece.seconds;
    ++entry.count;
    if (piece.task->kind == TaskKind::transfer && entry.link.empty())
      entry.link = class_name(fabric, busiest_link(program, fabric, record, row, flows_of));
  });
  return longest_first(values_of(entries), execution.makespan_s);
}

std::vector<CriticalPathEntry> critical_path_by_layer(const Program& program,
                                                      const Execution& execution, int layers) {
  std::map<std::pair<int, bool>, CriticalPathEntry> entries;
  for_each_piece(program, execution, [&](uint32_t, const Piece& piece) {
    const bool step_end = piece.phase == Phase::optimizer;
    const int layer = step_end ? layers + 1 : std::min(piece.layer, layers);
    CriticalPathEntry& entry = entries[{layer, is_compute(piece)}];
    entry.op = step_end          ? "optimizer"
               : layer == layers ? "after the last layer"
                                 : fmt::format("layer {}", layer);
    entry.kind = is_compute(piece) ? "compute" : "communication";
    entry.seconds += piece.seconds;
    ++entry.count;
  });
  return longest_first(values_of(entries), execution.makespan_s);
}

std::vector<CriticalPathEntry> critical_path_by_link(const Program& program, const Fabric& fabric,
                                                     const Execution& execution,
                                                     const FlowsOf& flows_of) {
  std::map<std::pair<int32_t, Stream>, CriticalPathEntry> entries;
  for_each_piece(program, execution, [&](uint32_t row, const Piece& piece) {
    if (piece.task->kind != TaskKind::transfer) return;
    const int32_t link = busiest_link(program, fabric, execution.record, row, flows_of);
    CriticalPathEntry& entry = entries[{link, piece.task->stream}];
    entry.op = link < 0 ? "latency only" : fabric.links[link].name;
    entry.kind = name_of(piece.task->stream);
    entry.link = class_name(fabric, link);
    entry.seconds += piece.seconds;
    ++entry.count;
  });
  return longest_first(values_of(entries), execution.makespan_s);
}

}  // namespace moesim
