#include "engine/deadlock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace moesim {

namespace {

constexpr size_t kShown = 8;

struct Node {
  BlockId block = 0;
  TaskId task = 0;
  auto operator<=>(const Node&) const = default;
};

class Deadlock {
 public:
  Deadlock(const Program& program, std::vector<BlockState> blocks)
      : program_(program), blocks_(std::move(blocks)) {}

  std::string text() {
    const auto done =
        std::count_if(blocks_.begin(), blocks_.end(), [](const BlockState& b) { return b.done; });
    std::string text = fmt::format(
        "the graph cannot progress: {} of {} blocks done; blocked:", done, blocks_.size());
    size_t shown = 0;
    for (BlockId id = 0; id < blocks_.size(); ++id) {
      if (blocks_[id].done || ++shown > kShown) continue;
      text += fmt::format("\n  {}: {}", name(id), what_it_lacks(id));
    }
    if (shown > kShown) text += fmt::format("\n  and {} more", shown - kShown);
    return text + cycle_text();
  }

 private:
  const TaskGraph& graph(BlockId id) const { return program_.templates[program_.blocks[id].graph]; }
  bool blocked(Node node) {
    return !blocks_[node.block].done && waiting(node.block)[node.task] > 0;
  }

  // Counts only for blocks that the walk comes to: all at once would not fit for a large step.
  const std::vector<uint32_t>& waiting(BlockId id) {
    if (blocks_[id].waiting.empty()) blocks_[id].waiting = untouched(id);
    return blocks_[id].waiting;
  }

  // Returns what the tasks of a block would still wait for if everything had run that waits for
  // nothing.
  std::vector<uint32_t> untouched(BlockId id) const {
    const TaskGraph& of = graph(id);
    std::vector<uint32_t> waiting = of.predecessors;
    for (size_t port = 0; port < program_.blocks[id].inputs.size(); ++port)
      for (uint32_t rank = 0; rank < of.ranks; ++rank)
        waiting[of.entry(port, rank)] += program_.blocks[id].inputs[port];
    for (const TaskId task : of.topological_order())
      if (waiting[task] == 0)
        for (const TaskId successor : of.successors(task)) --waiting[successor];
    return waiting;
  }

  std::string name(BlockId id) const {
    const Block& block = program_.blocks[id];
    return fmt::format("block {} '{}' (stage {}, microbatch {})", id, graph(id).name, block.stage,
                       block.microbatch);
  }

  std::string what_it_lacks(BlockId id) {
    const std::vector<uint32_t>& missing = waiting(id);
    const auto left =
        std::count_if(missing.begin(), missing.end(), [](uint32_t count) { return count > 0; });
    const auto first =
        std::find_if(missing.begin(), missing.end(), [](uint32_t count) { return count > 0; });
    const auto task = static_cast<TaskId>(first - missing.begin());
    return fmt::format("{} tasks left, {} waits for {} more", left, task_name(id, task), *first);
  }

  std::string task_name(BlockId id, TaskId task_id) const {
    const Task& task = graph(id).tasks[task_id];
    switch (task.kind) {
      case TaskKind::entry:
        return fmt::format("the start on rank {}", program_.blocks[id].first_rank + task.rank);
      case TaskKind::exit:
        return fmt::format("exit {} on rank {}", task.payload,
                           program_.blocks[id].first_rank + task.rank);
      case TaskKind::join:
        return fmt::format("join {}", task_id);
      default:
        return fmt::format("task {} '{}'", task_id, program_.op_names[task.op]);
    }
  }

  // Returns a blocked task that this one waits for.
  std::optional<Node> blocked_before(Node node) {
    const TaskGraph& of = graph(node.block);
    const auto leads_to = [&](TaskId task) {
      const auto successors = of.successors(task);
      return std::find(successors.begin(), successors.end(), node.task) != successors.end();
    };
    for (TaskId task = 0; task < of.tasks.size(); ++task)
      if (blocked({node.block, task}) && leads_to(task)) return Node{node.block, task};
    const Task& entry = of.tasks[node.task];
    if (entry.kind != TaskKind::entry) return std::nullopt;
    for (BlockId from = 0; from < blocks_.size(); ++from)
      for (const BlockEdge& edge : program_.blocks[from].outputs)
        if (edge.to == node.block && edge.to_port == entry.payload && !blocks_[from].done)
          if (const auto exit = blocked_exit(from, edge.from_port, entry.rank)) return exit;
    return std::nullopt;
  }

  std::optional<Node> blocked_exit(BlockId block, BlockPort port, uint32_t rank) {
    const std::vector<Task>& tasks = graph(block).tasks;
    for (TaskId id = 0; id < tasks.size(); ++id)
      if (tasks[id].kind == TaskKind::exit && tasks[id].payload == port && tasks[id].rank == rank &&
          blocked({block, id}))
        return Node{block, id};
    return std::nullopt;
  }

  // Walks from any blocked task back to what it waits for, until a task comes a second time.
  std::string cycle_text() {
    std::vector<Node> path;
    std::map<Node, size_t> seen;
    for (BlockId id = 0; id < blocks_.size() && path.empty(); ++id)
      for (TaskId task = 0; task < graph(id).tasks.size() && path.empty(); ++task)
        if (blocked({id, task})) path.push_back({id, task});
    while (!path.empty() && seen.try_emplace(path.back(), path.size() - 1).second) {
      const auto before = blocked_before(path.back());
      if (!before)
        return fmt::format("\n{} of {} waits for something that nobody sends",
                           task_name(path.back().block, path.back().task), name(path.back().block));
      path.push_back(*before);
    }
    if (path.empty()) return "";
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(seen[path.back()]));
    path.pop_back();
    return cycle_text(path);
  }

  // Writes a line per block, beginning where the cycle enters one: the exit that the others wait
  // for.
  std::string cycle_text(std::vector<Node>& cycle) const {
    const auto enters = [&](size_t i) {
      return cycle[i].block != cycle[(i + cycle.size() - 1) % cycle.size()].block;
    };
    size_t begin = 0;
    while (begin < cycle.size() && !enters(begin)) ++begin;
    std::rotate(cycle.begin(), cycle.begin() + static_cast<std::ptrdiff_t>(begin % cycle.size()),
                cycle.end());
    std::string text = "\nthe cycle among them:";
    for (size_t i = 0; i < cycle.size(); ++i)
      if (i == 0 || enters(i))
        text += fmt::format("\n  {} of {} waits for", task_name(cycle[i].block, cycle[i].task),
                            name(cycle[i].block));
    return text + "\n  the first of these";
  }

  const Program& program_;
  std::vector<BlockState> blocks_;
};

}  // namespace

std::string explain_deadlock(const Program& program, std::vector<BlockState> blocks) {
  return Deadlock(program, std::move(blocks)).text();
}

}  // namespace moesim
