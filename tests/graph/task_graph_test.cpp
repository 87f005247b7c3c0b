#include "graph/task_graph.hpp"

#include <algorithm>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

TaskId add(TaskGraphBuilder& builder, TaskKind kind, uint32_t rank = 0, uint32_t port = 0) {
  Task task;
  task.kind = kind;
  task.rank = rank;
  task.payload = port;
  return builder.add(task);
}

std::vector<TaskId> successors(const TaskGraph& graph, TaskId task) {
  const auto span = graph.successors(task);
  return {span.begin(), span.end()};
}

}  // namespace

TEST_CASE("edges come out as successors and counts, duplicates once") {
  TaskGraphBuilder builder("diamond", 1);
  for (int i = 0; i < 4; ++i) add(builder, TaskKind::compute);
  for (const auto& [from, to] : {std::pair{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 1}})
    builder.edge(from, to);
  const TaskGraph graph = std::move(builder).freeze();
  CHECK(successors(graph, 0) == std::vector<TaskId>{1, 2});
  CHECK(successors(graph, 1) == std::vector<TaskId>{3});
  CHECK(successors(graph, 3).empty());
  CHECK(graph.predecessors == std::vector<uint32_t>{0, 1, 1, 2});
  const auto order = graph.topological_order();
  CHECK(order.front() == 0);
  CHECK(order.back() == 3);
  CHECK(order.size() == 4);
}

TEST_CASE("entries are found by port and rank") {
  TaskGraphBuilder builder("entries", 2);
  const TaskId work = add(builder, TaskKind::compute, 1);
  for (const uint32_t port : {1u, 0u})
    for (const uint32_t rank : {1u, 0u})
      builder.edge(add(builder, TaskKind::entry, rank, port), work);
  const TaskGraph graph = std::move(builder).freeze();
  CHECK(graph.entry_ports() == 2);
  for (int port = 0; port < 2; ++port)
    for (uint32_t rank = 0; rank < 2; ++rank) {
      const Task& task = graph.tasks[graph.entry(port, rank)];
      CHECK(task.kind == TaskKind::entry);
      CHECK(task.payload == static_cast<uint32_t>(port));
      CHECK(task.rank == rank);
    }
}

TEST_CASE("a cycle is named") {
  TaskGraphBuilder builder("ring", 1);
  for (int i = 0; i < 4; ++i) add(builder, TaskKind::compute);
  for (const auto& [from, to] : {std::pair{0, 1}, {1, 2}, {2, 1}, {2, 3}}) builder.edge(from, to);
  std::string error;
  try {
    std::move(builder).freeze();
  } catch (const RunError& thrown) {
    error = thrown.what();
  }
  CHECK(error == "task graph 'ring' has a cycle through tasks 1 (rank 0), 2 (rank 0)");
}

TEST_CASE("an empty graph and one without edges") {
  const TaskGraph empty = TaskGraphBuilder("empty", 0).freeze();
  CHECK(empty.tasks.empty());
  CHECK(empty.entry_ports() == 0);
  TaskGraphBuilder builder("loose", 1);
  for (int i = 0; i < 3; ++i) add(builder, TaskKind::join);
  const TaskGraph loose = std::move(builder).freeze();
  CHECK(loose.topological_order().size() == 3);
  CHECK(successors(loose, 2).empty());
}

TEST_CASE("random graphs keep their edges and order") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed, {});
    TaskGraphBuilder builder("random", 1);
    const int count = 200;
    std::vector<std::vector<TaskId>> expected(count);
    for (int i = 0; i < count; ++i) add(builder, TaskKind::compute);
    for (int edge = 0; edge < 600; ++edge) {
      const auto a = static_cast<TaskId>(count * random.uniform()),
                 b = static_cast<TaskId>(count * random.uniform());
      if (a == b) continue;
      builder.edge(std::min(a, b), std::max(a, b));
      expected[std::min(a, b)].push_back(std::max(a, b));
    }
    const TaskGraph graph = std::move(builder).freeze();
    std::vector<size_t> place(count);
    const auto order = graph.topological_order();
    REQUIRE(order.size() == count);
    for (size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    bool in_order = true;
    for (TaskId task = 0; task < count; ++task) {
      auto& wanted = expected[task];
      std::sort(wanted.begin(), wanted.end());
      wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
      CHECK(successors(graph, task) == wanted);
      for (const TaskId next : wanted) in_order = in_order && place[task] < place[next];
    }
    CHECK(in_order);
  }
}

TEST_CASE("streams and phases have names") {
  CHECK(std::string(name_of(Stream::compute)) == "compute");
  CHECK(std::string(name_of(Stream::copy)) == "copy");
  CHECK(std::string(name_of(Phase::forward)) == "forward");
  CHECK(std::string(name_of(Phase::parameter_gather)) == "parameter gather");
}
