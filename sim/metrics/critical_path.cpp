#include <algorithm>
#include <map>

#include "metrics/summarize.hpp"

namespace moesim {

std::vector<uint32_t> critical_rows(const Execution& execution) {
  std::vector<uint32_t> rows;
  for (uint32_t row = execution.last_row; row != kNoRow; row = execution.record.cause[row]) rows.push_back(row);
  std::reverse(rows.begin(), rows.end());
  return rows;
}

namespace {

// The class of link that a transfer keeps busiest, as a user would name it.
std::string busiest_link(const Fabric& fabric, const Block& block, std::span<const Flow> flows) {
  std::map<int32_t, double> load;
  const int32_t shift = static_cast<int32_t>(block.first_rank) * kPorts;
  for (const Flow& flow : flows) {
    const Route route = fabric.route(flow.source + shift, flow.target + shift);
    for (int32_t link : route.span()) load[link] += flow.bytes;
  }
  double longest = 0;
  std::string name;
  for (const auto& [link, bytes] : load) {
    const double seconds = bytes / fabric.links[link].bytes_per_s;
    if (seconds <= longest) continue;
    longest = seconds;
    switch (fabric.links[link].link_class) {
      case LinkClass::nvlink:
        name = "nvlink";
        break;
      case LinkClass::nic:
        name = "nic";
        break;
      case LinkClass::leaf:
        name = "leaf uplink";
        break;
      case LinkClass::io:
        name = "wafer I/O";
        break;
      case LinkClass::swarmx:
        name = "swarmx";
        break;
      case LinkClass::memoryx:
        name = "memoryx";
        break;
    }
  }
  return name;
}

}  // namespace

std::vector<CriticalPathEntry> critical_path(const Program& program, const Fabric& fabric, const Execution& execution,
                                             const FlowsOf& flows_of) {
  std::map<std::pair<std::string, std::string>, CriticalPathEntry> entries;
  const auto add = [&](const std::string& op, const char* kind, double seconds) -> CriticalPathEntry& {
    CriticalPathEntry& entry = entries[{op, kind}];
    entry.op = op;
    entry.kind = kind;
    entry.seconds += seconds;
    ++entry.count;
    return entry;
  };
  const Record& record = execution.record;
  for (uint32_t row : critical_rows(execution)) {
    const Block& block = program.blocks[record.block[row]];
    const TaskGraph& graph = program.templates[block.graph];
    const Task& task = graph.tasks[record.task[row]];
    const double seconds = record.end_s[row] - record.start_s[row];
    if (task.kind == TaskKind::compute) {
      double nominal = 0;
      for (const RunPart& part : program.runs[task.payload].parts) nominal += part.seconds;
      for (const RunPart& part : program.runs[task.payload].parts)
        add(program.op_names[part.op], "compute", nominal > 0 ? seconds * part.seconds / nominal : 0);
      continue;
    }
    CriticalPathEntry& entry = add(program.op_names[task.op], name_of(task.stream), seconds);
    if (task.kind == TaskKind::transfer && entry.link.empty())
      entry.link = busiest_link(fabric, block,
                                task.slot >= 0 && flows_of ? flows_of(record.block[row], record.task[row])
                                                           : graph.transfers[task.payload].flows);
  }
  std::vector<CriticalPathEntry> sorted;
  for (auto& [key, entry] : entries) {
    entry.share = execution.makespan_s > 0 ? entry.seconds / execution.makespan_s : 0;
    sorted.push_back(std::move(entry));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return sorted;
}

}  // namespace moesim
