// A frozen graph of tasks, used as the template of a block: built once with vectors, then held in
// compressed sparse rows.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/task.hpp"

namespace moesim {

class TaskGraph {
 public:
  TaskGraph();
  ~TaskGraph();
  TaskGraph(TaskGraph&&) noexcept;
  TaskGraph& operator=(TaskGraph&&) noexcept;

  std::string name;
  uint32_t ranks = 0;  // ranks that the template spans
  std::vector<Task> tasks;
  std::vector<Transfer> transfers;
  std::vector<uint32_t> predecessors;  // per task, within the template
  int drawn_computes = 0;
  int drawn_transfers = 0;

  std::span<const TaskId> successors(TaskId task) const;
  // Returns the task that waits for other blocks there; every rank has one for each port in use.
  TaskId entry(size_t port, uint32_t rank) const { return entries_[port * ranks + rank]; }
  size_t entry_ports() const { return ranks == 0 ? 0 : entries_.size() / ranks; }
  // Returns the tasks in an order in which predecessors come first.
  std::vector<TaskId> topological_order() const;

 private:
  friend class TaskGraphBuilder;
  struct Rows;  // the graph as Boost.Graph knows it; only task_graph.cpp sees it
  std::unique_ptr<Rows> rows_;
  std::vector<TaskId> entries_;  // [port][rank]
};

class TaskGraphBuilder {
 public:
  TaskGraphBuilder(std::string name, uint32_t ranks);
  TaskId add(Task task);
  uint32_t add_transfer(Transfer transfer);
  void edge(TaskId before, TaskId after);
  // Throws RunError naming the tasks of a cycle if there is one.
  TaskGraph freeze() &&;

 private:
  static std::string name_cycle(const TaskGraph& graph);

  TaskGraph graph_;
  std::vector<std::pair<TaskId, TaskId>> edges_;
};

}  // namespace moesim
