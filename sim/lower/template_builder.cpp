#include "lower/template_builder.hpp"

#include <utility>

#include "base/check.hpp"

namespace moesim {

namespace {

void append(std::vector<TaskId>& to, const std::vector<TaskId>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

Task port_task(TaskKind kind, int rank, BlockPort port) {
  Task task;
  task.kind = kind;
  task.rank = rank;
  task.payload = port;
  return task;
}

}  // namespace

TemplateBuilder::TemplateBuilder(Program& program, const ChainCost& cost, std::string name,
                                 int ranks)
    : program_(program),
      cost_(cost),
      graph_(std::move(name), ranks),
      ranks_(ranks),
      before_compute_(ranks),
      last_on_stream_(ranks * kStreams, kNoTask) {
  use_lane(0);
}

// A lane begins at the entry of its number, so lanes come to be in order, whichever is used first.
void TemplateBuilder::use_lane(int lane) {
  close_chain();
  lane_ = lane;
  while (static_cast<int>(fronts_.size()) <= lane) {
    const std::vector<TaskId> entries = entry(static_cast<BlockPort>(fronts_.size()));
    auto& fronts = fronts_.emplace_back(ranks_);
    for (int rank = 0; rank < ranks_; ++rank) fronts[rank] = {entries[rank]};
  }
}

void TemplateBuilder::join_lanes() {
  close_chain();
  for (int rank = 0; rank < ranks_; ++rank) {
    std::vector<TaskId> all;
    for (const auto& fronts : fronts_) append(all, fronts[rank]);
    for (auto& fronts : fronts_) fronts[rank] = all;
  }
}

TaskId TemplateBuilder::add(Task task, const std::vector<TaskId>& after) {
  task.lane = static_cast<uint8_t>(lane_);
  const TaskId id = graph_.add(task);
  for (TaskId before : after)
    if (before != kNoTask) graph_.edge(before, id);
  return id;
}

void TemplateBuilder::compute(const Kernels& kernels, int layer, Phase phase) {
  cost_.parts(program_, kernels, layer, phase, {}, chain_.parts);
  chain_kernels_.insert(chain_kernels_.end(), kernels.begin(), kernels.end());
}

// Every function that adds a task, or that looks at the front, must end the open chain first: its
// kernels were issued before. The chain is costed as a whole, because the host's lead over the
// device carries over from kernel to kernel.
void TemplateBuilder::close_chain() {
  if (chain_.parts.empty()) return;
  const double seconds =
      cost_.seconds(std::exchange(chain_kernels_, {}), {}, std::exchange(more_host_s_, 0));
  add_chain_tasks(std::exchange(chain_, {}), seconds);
}

void TemplateBuilder::compute_fraction(const Kernels& kernels, double fraction, int layer,
                                       Phase phase) {
  close_chain();
  KernelChain chain;
  cost_.parts(program_, kernels, layer, phase, {}, chain.parts);
  for (ChainPart& part : chain.parts) {
    part.seconds *= fraction;
    KernelUse use = program_.kernels[part.kernel];  // this part of it
    use.flops *= fraction;
    use.bytes *= fraction;
    use.joules *= fraction;
    part.kernel = program_.kernel(use);
  }
  if (!chain.parts.empty()) add_chain_tasks(std::move(chain), cost_.seconds(kernels) * fraction);
}

void TemplateBuilder::routed_compute(const Kernels& kernels, uint32_t kernel_list,
                                     std::span<const int> nominal_rows, int layer, Phase phase) {
  close_chain();
  KernelChain chain;
  cost_.parts(program_, kernels, layer, phase, nominal_rows, chain.parts);
  DrawnCompute draw{static_cast<uint8_t>(lane_), static_cast<uint16_t>(layer), 0, kernel_list, 0};
  draw.more_host_s = std::exchange(more_host_s_, 0);
  add_chain_tasks(std::move(chain), 0, draw);
}

// All ranks share one KernelChain, which only says how to split the time. A chain is named after
// its first part. With two lanes it must also follow the other lane's compute on the same rank,
// which the lane's own front does not know of; with one lane the front already says everything.
void TemplateBuilder::add_chain_tasks(KernelChain chain, double seconds,
                                      std::optional<DrawnCompute> draw) {
  const ChainPart first = chain.parts.front();
  program_.chains.push_back(std::move(chain));
  for (int rank = 0; rank < ranks_; ++rank) {
    Task task;
    task.kind = TaskKind::compute;
    task.phase = first.phase;
    task.op = first.op;
    task.layer = first.layer;
    task.rank = rank;
    task.payload = static_cast<uint32_t>(program_.chains.size() - 1);
    task.seconds = seconds;
    if (draw) {
      task.draw = static_cast<int32_t>(draws_.compute.size());
      draw->rank = rank;
      draws_.compute.push_back(*draw);
    }
    std::vector<TaskId> after = front(rank);
    if (fronts_.size() > 1) append(after, before_compute_[rank]);
    front(rank) = before_compute_[rank] = {add(task, after)};
  }
}

void TemplateBuilder::delay(const char* op, Phase phase, double seconds) {
  close_chain();
  for (int rank = 0; rank < ranks_ && seconds > 0; ++rank) {
    Task task;
    task.kind = TaskKind::delay;
    task.stream = Stream::dp;
    task.phase = phase;
    task.op = program_.op(op);
    task.rank = rank;
    task.seconds = seconds;
    front(rank) = {add(task, front(rank))};
  }
}

Task TemplateBuilder::communication_task(const Communication& what, Transfer transfer) {
  Task task;
  task.kind = TaskKind::transfer;
  task.stream = what.stream;
  task.phase = what.phase;
  task.op = program_.op(what.op);
  task.layer = static_cast<uint16_t>(what.layer);
  task.payload = graph_.add_transfer(std::move(transfer));
  return task;
}

// A collective starts when its last member arrives: one task follows the fronts of all of them, and
// on each member's stream the collective or message before it.
TaskId TemplateBuilder::join_group(Task task, const std::vector<int>& group) {
  std::vector<TaskId> after;
  for (int rank : group) {
    append(after, front(rank));
    after.push_back(last_on_stream(rank, task.stream));
  }
  task.rank = group[0];
  const TaskId id = add(task, after);
  for (int rank : group) last_on_stream(rank, task.stream) = id;
  return id;
}

// The transfer follows the front, so that it can take the front's place.
void TemplateBuilder::advance(const std::vector<TaskId>& tasks) {
  for (int rank = 0; rank < ranks_; ++rank)
    if (tasks[rank] != kNoTask) front(rank) = {tasks[rank]};
}

std::vector<TaskId> TemplateBuilder::background_collective(const Communication& what,
                                                           const Groups& groups,
                                                           const MakeTransfer& make) {
  close_chain();
  std::vector<TaskId> tasks(ranks_, kNoTask);
  for (uint32_t index = 0; index < groups.size(); ++index) {
    const std::vector<int>& group = groups[index];
    if (group.size() < 2) continue;
    Task task = communication_task(what, make(group));
    if (what.routed) {
      task.draw = static_cast<int32_t>(draws_.transfers.size());
      draws_.transfers.push_back({static_cast<uint8_t>(lane_), task.layer, index,
                                  what.routed->reverse, what.routed->token_bytes});
    }
    const TaskId id = join_group(task, group);
    for (int rank : group) tasks[rank] = id;
  }
  return tasks;
}

void TemplateBuilder::collective(const Communication& what, const Groups& groups,
                                 const MakeTransfer& make) {
  if (!groups.empty() && groups[0].size() > 1) busy_host_more(cost_.collective_s());
  advance(background_collective(what, groups, make));
}

void TemplateBuilder::blocking_collective(const Communication& what, const Groups& groups,
                                          const MakeTransfer& make) {
  const std::vector<TaskId> tasks = background_collective(what, groups, make);
  advance(tasks);
  stop_compute(tasks);
}

// Without `after_front` the open chain stays open: the transfer does not depend on it. The first
// transfer of a stream still follows the front, since it belongs to this block.
std::vector<TaskId> TemplateBuilder::background(const Communication& what,
                                                const MakeRankTransfer& make, bool after_front) {
  if (after_front) close_chain();
  std::vector<TaskId> tasks(ranks_, kNoTask);
  for (int rank = 0; rank < ranks_; ++rank) {
    Transfer transfer = make(rank);
    if (transfer.flows.empty() && transfer.latency_s <= 0) continue;
    Task task = communication_task(what, std::move(transfer));
    task.rank = rank;
    TaskId& last = last_on_stream(rank, what.stream);
    std::vector<TaskId> after;
    if (after_front || last == kNoTask) after = front(rank);
    after.push_back(last);
    tasks[rank] = last = add(task, after);
  }
  return tasks;
}

void TemplateBuilder::wait_for(const std::vector<TaskId>& tasks) {
  close_chain();
  for (int rank = 0; rank < ranks_; ++rank)
    if (tasks[rank] != kNoTask) front(rank).push_back(tasks[rank]);
}

void TemplateBuilder::follow_compute() {
  close_chain();
  if (fronts_.size() == 1) return;  // the front is past all compute
  for (int rank = 0; rank < ranks_; ++rank) append(front(rank), before_compute_[rank]);
}

void TemplateBuilder::stop_for(const std::vector<TaskId>& tasks) {
  wait_for(tasks);
  stop_compute(tasks);
}

// The next compute of either lane clears the list, because everything after it on the compute
// stream then waits through it.
void TemplateBuilder::stop_compute(const std::vector<TaskId>& tasks) {
  for (int rank = 0; rank < ranks_; ++rank)
    if (tasks[rank] != kNoTask) before_compute_[rank].push_back(tasks[rank]);
}

std::vector<TaskId> TemplateBuilder::entry(BlockPort port) {
  std::vector<TaskId> entries;
  for (int rank = 0; rank < ranks_; ++rank)
    entries.push_back(graph_.add(port_task(TaskKind::entry, rank, port)));
  return entries;
}

void TemplateBuilder::exit(BlockPort port, const std::vector<TaskId>& tasks, bool with_front) {
  close_chain();
  for (int rank = 0; rank < ranks_; ++rank) {
    std::vector<TaskId> after;
    const bool own = !tasks.empty() && tasks[rank] != kNoTask;
    if (own) after.push_back(tasks[rank]);
    if (with_front || !own) append(after, front(rank));
    add(port_task(TaskKind::exit, rank, port), after);
  }
}

void TemplateBuilder::exit_all_lanes(BlockPort port) {
  close_chain();
  for (int rank = 0; rank < ranks_; ++rank) {
    std::vector<TaskId> after;
    for (const auto& fronts : fronts_) append(after, fronts[rank]);
    add(port_task(TaskKind::exit, rank, port), after);
  }
}

TaskGraph TemplateBuilder::freeze(TemplateDraws& draws) {
  close_chain();
  TaskGraph graph = std::move(graph_).freeze();
  graph.drawn_computes = static_cast<int>(draws_.compute.size());
  graph.drawn_transfers = static_cast<int>(draws_.transfers.size());
  draws = std::move(draws_);
  return graph;
}

}  // namespace moesim
