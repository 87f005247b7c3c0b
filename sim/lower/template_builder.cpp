#include "lower/template_builder.hpp"

#include <utility>

#include "base/check.hpp"

namespace moesim {

TemplateBuilder::TemplateBuilder(Program& program, const RunCost& cost, std::string name, int ranks)
    : program_(program),
      cost_(cost),
      graph_(std::move(name), static_cast<uint32_t>(ranks)),
      ranks_(ranks),
      before_compute_(ranks),
      last_on_stream_(static_cast<size_t>(ranks) * kStreams, kNoTask) {
  use_lane(0);
}

void TemplateBuilder::use_lane(int lane) {
  close_run();
  lane_ = lane;
  while (static_cast<int>(fronts_.size()) <= lane) {
    auto& fronts = fronts_.emplace_back(ranks_);
    const std::vector<TaskId> entries = entry(static_cast<int>(fronts_.size()) - 1);
    for (int rank = 0; rank < ranks_; ++rank) fronts[rank] = {entries[rank]};
  }
}

void TemplateBuilder::join_lanes() {
  close_run();
  for (int rank = 0; rank < ranks_; ++rank) {
    std::vector<TaskId> all;
    for (const auto& fronts : fronts_)
      all.insert(all.end(), fronts[rank].begin(), fronts[rank].end());
    for (auto& fronts : fronts_) fronts[rank] = all;
  }
}

std::vector<TaskId> TemplateBuilder::entry(int port) {
  std::vector<TaskId> entries;
  for (int rank = 0; rank < ranks_; ++rank) {
    Task task;
    task.kind = TaskKind::entry;
    task.rank = static_cast<uint32_t>(rank);
    task.payload = static_cast<uint32_t>(port);
    entries.push_back(graph_.add(task));
  }
  return entries;
}

TaskId TemplateBuilder::add(Task task, const std::vector<TaskId>& after) {
  task.lane = static_cast<uint8_t>(lane_);
  const TaskId id = graph_.add(task);
  for (TaskId before : after)
    if (before != kNoTask) graph_.edge(before, id);
  return id;
}

void TemplateBuilder::compute(const Kernels& kernels, int layer, Phase phase) {
  cost_.parts(program_, kernels, layer, phase, {}, run_.parts);
  run_kernels_.insert(run_kernels_.end(), kernels.begin(), kernels.end());
}

void TemplateBuilder::close_run() {
  if (run_.parts.empty()) return;
  const double seconds =
      cost_.seconds(std::exchange(run_kernels_, {}), {}, std::exchange(more_host_s_, 0));
  add_run_tasks(std::exchange(run_, {}), seconds);
}

void TemplateBuilder::compute_fraction(const Kernels& kernels, double fraction, int layer,
                                       Phase phase) {
  close_run();
  Run run;
  cost_.parts(program_, kernels, layer, phase, {}, run.parts);
  for (RunPart& part : run.parts) part.seconds *= fraction;
  if (!run.parts.empty()) add_run_tasks(std::move(run), cost_.seconds(kernels) * fraction);
}

void TemplateBuilder::add_run_tasks(Run run, double seconds, std::optional<ComputeSlot> slot) {
  const RunPart first = run.parts.front();
  program_.runs.push_back(std::move(run));
  for (int rank = 0; rank < ranks_; ++rank) {
    Task task;
    task.kind = TaskKind::compute;
    task.phase = first.phase;
    task.op = first.op;
    task.layer = first.layer;
    task.rank = static_cast<uint32_t>(rank);
    task.payload = static_cast<uint32_t>(program_.runs.size() - 1);
    task.seconds = seconds;
    if (slot) {
      task.slot = static_cast<int32_t>(slots_.compute.size());
      slot->rank = task.rank;
      slots_.compute.push_back(*slot);
    }
    std::vector<TaskId> after = front(rank);
    auto& before = before_compute_[rank];
    if (fronts_.size() > 1)
      after.insert(after.end(), before.begin(), before.end());  // with one lane, the front says it
    front(rank) = before = {add(task, after)};
  }
}

void TemplateBuilder::routed_compute(const Kernels& kernels, uint32_t kernel_list,
                                     std::span<const int> nominal_rows, int layer, Phase phase) {
  close_run();
  Run run;
  cost_.parts(program_, kernels, layer, phase, nominal_rows, run.parts);
  ComputeSlot slot{static_cast<uint8_t>(lane_), static_cast<uint16_t>(layer), 0, kernel_list, 0};
  slot.more_host_s = std::exchange(more_host_s_, 0);
  add_run_tasks(std::move(run), 0, slot);
}

void TemplateBuilder::delay(const std::string& op, Phase phase, double seconds) {
  close_run();
  for (int rank = 0; rank < ranks_ && seconds > 0; ++rank) {
    Task task;
    task.kind = TaskKind::delay;
    task.stream = Stream::dp;
    task.phase = phase;
    task.op = program_.op(op);
    task.rank = static_cast<uint32_t>(rank);
    task.seconds = seconds;
    front(rank) = {add(task, front(rank))};
  }
}

TaskId TemplateBuilder::join_group(Task task, const std::vector<int>& group) {
  std::vector<TaskId> after;
  for (int rank : group) {
    after.insert(after.end(), front(rank).begin(), front(rank).end());
    after.push_back(last_on_stream_[rank * kStreams + static_cast<int>(task.stream)]);
  }
  task.kind = TaskKind::transfer;
  task.rank = static_cast<uint32_t>(group[0]);
  const TaskId id = add(task, after);
  for (int rank : group) last_on_stream_[rank * kStreams + static_cast<int>(task.stream)] = id;
  return id;
}

void TemplateBuilder::advance(const std::vector<TaskId>& tasks) {
  for (int rank = 0; rank < ranks_; ++rank)
    if (tasks[rank] != kNoTask) front(rank) = {tasks[rank]};
}

std::vector<TaskId> TemplateBuilder::background_collective(Stream stream, const std::string& op,
                                                           int layer, Phase phase,
                                                           const Groups& groups,
                                                           const MakeTransfer& make) {
  close_run();
  std::vector<TaskId> tasks(ranks_, kNoTask);
  for (const auto& group : groups) {
    if (group.size() < 2) continue;
    Task task;
    task.stream = stream;
    task.phase = phase;
    task.op = program_.op(op);
    task.layer = static_cast<uint16_t>(layer);
    task.payload = graph_.add_transfer(make(group));
    const TaskId id = join_group(task, group);
    for (int rank : group) tasks[rank] = id;
  }
  return tasks;
}

void TemplateBuilder::collective(Stream stream, const std::string& op, int layer, Phase phase,
                                 const Groups& groups, const MakeTransfer& make) {
  advance(background_collective(stream, op, layer, phase, groups, make));
}

void TemplateBuilder::blocking_collective(Stream stream, const std::string& op, int layer,
                                          Phase phase, const Groups& groups,
                                          const MakeTransfer& make) {
  const std::vector<TaskId> tasks = background_collective(stream, op, layer, phase, groups, make);
  advance(tasks);
  stop_compute(tasks);
}

std::vector<TaskId> TemplateBuilder::background_routed_collective(
    const std::string& op, int layer, Phase phase, const Groups& groups, bool reverse,
    double token_bytes, const MakeTransfer& latency_and_share) {
  close_run();
  std::vector<TaskId> tasks(ranks_, kNoTask);
  for (size_t index = 0; index < groups.size(); ++index) {
    Task task;
    task.stream = Stream::ep;
    task.phase = phase;
    task.op = program_.op(op);
    task.layer = static_cast<uint16_t>(layer);
    task.payload = graph_.add_transfer(latency_and_share(groups[index]));
    task.slot = static_cast<int32_t>(slots_.transfers.size());
    slots_.transfers.push_back({static_cast<uint8_t>(lane_), static_cast<uint16_t>(layer),
                                static_cast<uint32_t>(index), reverse, token_bytes});
    const TaskId id = join_group(task, groups[index]);
    for (int rank : groups[index]) tasks[rank] = id;
  }
  return tasks;
}

void TemplateBuilder::routed_collective(const std::string& op, int layer, Phase phase,
                                        const Groups& groups, bool reverse, double token_bytes,
                                        const MakeTransfer& latency_and_share) {
  advance(background_routed_collective(op, layer, phase, groups, reverse, token_bytes,
                                       latency_and_share));
}

std::vector<TaskId> TemplateBuilder::background(Stream stream, const std::string& op, int layer,
                                                Phase phase, const MakeRankTransfer& make,
                                                bool after_front) {
  if (after_front) close_run();
  std::vector<TaskId> tasks(ranks_, kNoTask);
  for (int rank = 0; rank < ranks_; ++rank) {
    Transfer transfer = make(rank);
    if (transfer.flows.empty() && transfer.latency_s <= 0) continue;
    Task task;
    task.kind = TaskKind::transfer;
    task.stream = stream;
    task.phase = phase;
    task.op = program_.op(op);
    task.layer = static_cast<uint16_t>(layer);
    task.rank = static_cast<uint32_t>(rank);
    task.payload = graph_.add_transfer(std::move(transfer));
    TaskId& last = last_on_stream_[rank * kStreams + static_cast<int>(stream)];
    std::vector<TaskId> after;
    if (after_front || last == kNoTask) after = front(rank);
    after.push_back(last);
    tasks[rank] = last = add(task, after);
  }
  return tasks;
}

void TemplateBuilder::wait_for(const std::vector<TaskId>& tasks) {
  close_run();
  for (int rank = 0; rank < ranks_; ++rank)
    if (tasks[rank] != kNoTask) front(rank).push_back(tasks[rank]);
}

void TemplateBuilder::follow_compute() {
  close_run();
  for (int rank = 0; rank < ranks_ && fronts_.size() > 1; ++rank)
    front(rank).insert(front(rank).end(), before_compute_[rank].begin(),
                       before_compute_[rank].end());
}

void TemplateBuilder::stop_for(const std::vector<TaskId>& tasks) {
  wait_for(tasks);
  stop_compute(tasks);
}

void TemplateBuilder::stop_compute(const std::vector<TaskId>& tasks) {
  for (int rank = 0; rank < ranks_; ++rank)
    if (tasks[rank] != kNoTask) before_compute_[rank].push_back(tasks[rank]);
}

void TemplateBuilder::exit(int port, const std::vector<TaskId>& tasks, bool with_front) {
  close_run();
  for (int rank = 0; rank < ranks_; ++rank) {
    Task task;
    task.kind = TaskKind::exit;
    task.rank = static_cast<uint32_t>(rank);
    task.payload = static_cast<uint32_t>(port);
    std::vector<TaskId> after;
    const bool own = !tasks.empty() && tasks[rank] != kNoTask;
    if (own) after.push_back(tasks[rank]);
    if (with_front || !own) after.insert(after.end(), front(rank).begin(), front(rank).end());
    add(task, after);
  }
}

void TemplateBuilder::exit_all_lanes(int port) {
  close_run();
  for (int rank = 0; rank < ranks_; ++rank) {
    Task task;
    task.kind = TaskKind::exit;
    task.rank = static_cast<uint32_t>(rank);
    task.payload = static_cast<uint32_t>(port);
    std::vector<TaskId> after;
    for (const auto& fronts : fronts_)
      after.insert(after.end(), fronts[rank].begin(), fronts[rank].end());
    add(task, after);
  }
}

TaskGraph TemplateBuilder::freeze(TemplateSlots& slots) {
  close_run();
  TaskGraph graph = std::move(graph_).freeze();
  graph.compute_slots = static_cast<int>(slots_.compute.size());
  graph.transfer_slots = static_cast<int>(slots_.transfers.size());
  slots = std::move(slots_);
  return graph;
}

}  // namespace moesim
