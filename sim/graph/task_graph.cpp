#include "graph/task_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/graph/topological_sort.hpp>
#include <iterator>

#include "base/check.hpp"
#include "base/diagnostics.hpp"

namespace moesim {

using Csr =
    boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                       boost::no_property, TaskId, uint32_t>;

namespace {
constexpr TaskId kMostNamed = 8;  // tasks of a cycle
}  // namespace

struct TaskGraph::Rows {
  Csr csr;
};

TaskGraph::TaskGraph() = default;
TaskGraph::~TaskGraph() = default;
TaskGraph::TaskGraph(TaskGraph&&) noexcept = default;
TaskGraph& TaskGraph::operator=(TaskGraph&&) noexcept = default;

std::span<const TaskId> TaskGraph::successors(TaskId task) const {
  const auto [first, last] = boost::adjacent_vertices(task, rows_->csr);
  return {first, last};
}

std::vector<TaskId> TaskGraph::topological_order() const {
  std::vector<TaskId> order;
  order.reserve(tasks.size());
  boost::topological_sort(rows_->csr, std::back_inserter(order));
  std::reverse(order.begin(), order.end());  // Boost puts successors first
  return order;
}

TaskGraphBuilder::TaskGraphBuilder(std::string name, uint32_t ranks) {
  graph_.name = std::move(name);
  graph_.ranks = ranks;
}

TaskId TaskGraphBuilder::add(Task task) {
  graph_.tasks.push_back(task);
  return static_cast<TaskId>(graph_.tasks.size() - 1);
}

uint32_t TaskGraphBuilder::add_transfer(Transfer transfer) {
  graph_.transfers.push_back(std::move(transfer));
  return static_cast<uint32_t>(graph_.transfers.size() - 1);
}

void TaskGraphBuilder::edge(TaskId before, TaskId after) {
  MOESIM_CHECK(before != after, "{}", before);
  edges_.emplace_back(before, after);
}

// Tasks that reach each other are one strongly connected component: more than one task, since no
// task is its own successor.
std::string TaskGraphBuilder::name_cycle(const TaskGraph& graph) {
  const Csr& csr = graph.rows_->csr;
  std::vector<uint32_t> component(graph.tasks.size());
  const auto by_task =
      boost::make_iterator_property_map(component.begin(), boost::get(boost::vertex_index, csr));
  std::vector<int> members(boost::strong_components(csr, by_task), 0);
  for (const uint32_t c : component) ++members[c];
  std::string named;
  for (TaskId id = 0, shown = 0; id < graph.tasks.size() && shown < kMostNamed; ++id)
    if (members[component[id]] > 1)
      named += fmt::format("{}{} (rank {})", shown++ ? ", " : "", id, graph.tasks[id].rank);
  return named;
}

TaskGraph TaskGraphBuilder::freeze() && {
  std::sort(edges_.begin(), edges_.end());
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  const size_t count = graph_.tasks.size();
  graph_.predecessors.assign(count, 0);
  for (const auto& [before, after] : edges_) {
    MOESIM_CHECK(before < count && after < count, "{} -> {} of {}", before, after, count);
    ++graph_.predecessors[after];
  }
  graph_.rows_ = std::make_unique<TaskGraph::Rows>(TaskGraph::Rows{
      Csr(boost::edges_are_sorted, edges_.begin(), edges_.end(), static_cast<TaskId>(count))});

  uint32_t ports = 0;
  for (const Task& task : graph_.tasks)
    if (task.kind == TaskKind::entry) ports = std::max(ports, task.payload + 1);
  graph_.entries_.assign(ports * graph_.ranks, 0);
  for (TaskId id = 0; id < count; ++id)
    if (graph_.tasks[id].kind == TaskKind::entry)
      graph_.entries_[graph_.tasks[id].payload * graph_.ranks + graph_.tasks[id].rank] = id;

  try {
    graph_.topological_order();
  } catch (const boost::not_a_dag&) {
    throw RunError(fmt::format("task graph '{}' has a cycle through tasks {}", graph_.name,
                               name_cycle(graph_)));
  }
  return std::move(graph_);
}

const char* name_of(Stream stream) {
  static constexpr const char* names[] = {"compute", "ep",   "tp",      "cp",        "dp",
                                          "pp",      "copy", "weights", "gradients", "optimizer"};
  return names[static_cast<int>(stream)];
}

const char* name_of(Phase phase) {
  static constexpr const char* names[] = {"forward",         "backward",        "weight gradient",
                                          "recompute",       "gradient reduce", "optimizer",
                                          "parameter gather"};
  return names[static_cast<int>(phase)];
}

}  // namespace moesim
