#include "graph/dot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {
namespace {

// A transfer belongs to every rank that takes part in it.
bool is_of(const TaskGraph& graph, const Task& task, uint32_t rank) {
  if (task.kind != TaskKind::transfer) return task.rank == rank;
  const std::vector<uint32_t>& ranks = graph.transfers[task.payload].ranks;
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

bool works(const Task& task) {
  return task.kind == TaskKind::compute || task.kind == TaskKind::transfer ||
         task.kind == TaskKind::delay;
}

std::string label(const Task& task, const std::vector<std::string>& op_names) {
  if (task.kind == TaskKind::entry) return fmt::format("entry {}", task.payload);
  if (task.kind == TaskKind::exit) return fmt::format("exit {}", task.payload);
  if (task.kind == TaskKind::join) return "join";
  std::string text = task.op < op_names.size() ? op_names[task.op] : fmt::format("op {}", task.op);
  text = fmt::format("L{} {}\\n{}", task.layer, text, name_of(task.phase));
  if (task.draw >= 0) return text + ", as routed";
  return task.seconds > 0 ? text + fmt::format(", {:.1f} us", 1e6 * task.seconds) : text;
}

}  // namespace

std::string dot_text(const TaskGraph& graph, const std::vector<std::string>& op_names,
                     uint32_t rank) {
  std::string text =
      fmt::format("digraph \"{}\" {{\n  node [shape=box, fontsize=10];\n", graph.name);
  std::vector<bool> shown(graph.tasks.size());
  std::map<Stream, std::string> streams;
  for (TaskId id = 0; id < graph.tasks.size(); ++id) {
    const Task& task = graph.tasks[id];
    shown[id] = is_of(graph, task, rank);
    if (!shown[id]) continue;
    const std::string node = fmt::format("    t{} [label=\"{}\"{}];\n", id, label(task, op_names),
                                         works(task) ? "" : ", style=dotted");
    if (works(task))
      streams[task.stream] += node;
    else
      text += node;
  }
  for (const auto& [stream, nodes] : streams)
    text += fmt::format("  subgraph \"cluster_{0}\" {{\n    label=\"{0}\";\n{1}  }}\n",
                        name_of(stream), nodes);
  for (TaskId id = 0; id < graph.tasks.size(); ++id)
    if (shown[id])
      for (const TaskId next : graph.successors(id))
        if (shown[next]) text += fmt::format("  t{} -> t{};\n", id, next);
  return text + "}\n";
}

}  // namespace moesim
