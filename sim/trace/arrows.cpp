#include "trace/arrows.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace moesim {

namespace {

constexpr uint64_t kNoBlock = ~uint64_t{0};

bool is_join(TaskKind kind) { return kind == TaskKind::join || kind == TaskKind::entry; }

// Gradient reductions and parameter gathers start when a block begins, whatever message began it.
bool waits_for_messages(const Task& task) {
  return task.kind == TaskKind::compute ||
         (task.kind == TaskKind::transfer && task.stream != Stream::dp);
}

// Ranks within the template.
std::span<const uint32_t> participants(const TaskGraph& graph, TaskId id) {
  const Task& task = graph.tasks[id];
  if (task.kind == TaskKind::transfer && !graph.transfers[task.payload].ranks.empty())
    return graph.transfers[task.payload].ranks;
  return {&task.rank, 1};
}

bool takes_part(const TaskGraph& graph, TaskId id, uint32_t rank) {
  const auto ranks = participants(graph, id);
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

bool any_traced(const TraceView& view, const Block& block, uint32_t ranks) {
  for (uint32_t rank = 0; rank < ranks; ++rank)
    if (view.traced(block.first_rank + rank)) return true;
  return false;
}

}  // namespace

TraceArrows::Waiting TraceArrows::waiting_tasks(const TaskGraph& graph) {
  Waiting waiting(graph.tasks.size());
  const auto order = graph.topological_order();
  for (auto task = order.rbegin(); task != order.rend(); ++task) {
    auto& list = waiting[*task];
    for (TaskId after : graph.successors(*task)) {
      if (is_join(graph.tasks[after].kind))
        list.insert(list.end(), waiting[after].begin(), waiting[after].end());
      else
        list.push_back(after);
    }
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return waiting;
}

TraceArrows::TraceArrows(const Program& program, const Record& record, const TraceView& view,
                         size_t senders)
    : program_(program), record_(record), view_(view), senders_(senders) {
  for (const TaskGraph& graph : program.templates) waiting_.push_back(waiting_tasks(graph));
  uint64_t size = 0;
  for (const Block& block : program.blocks) {
    const TaskGraph& graph = program.templates[block.graph];
    const bool some = any_traced(view, block, graph.ranks);
    first_.push_back(some ? size : kNoBlock);
    if (some) size += graph.tasks.size();
  }
  rows_.assign(size, kNoRow);
  for (uint32_t row = 0; row < record.rows(); ++row)
    if (first_[record.block[row]] != kNoBlock)
      rows_[first_[record.block[row]] + record.task[row]] = row;
}

uint32_t TraceArrows::row_of(BlockId block, TaskId task) const {
  return first_[block] == kNoBlock ? kNoRow : rows_[first_[block] + task];
}

bool TraceArrows::drawn(uint32_t row) const {
  return row != kNoRow && view_.end_ns(row) > view_.start_ns(row);
}

// An arrow that would point back in time (a record made by hand) would never be drawn.
void TraceArrows::point(uint32_t to_row, const Arrow& arrow) {
  if (drawn(to_row) && view_.traced(arrow.to_rank) &&
      view_.start_ns(to_row) >= view_.end_ns(arrow.from_row))
    pending_[to_row].push_back(arrow);
}

void TraceArrows::leave(uint32_t row, std::span<const Flow> flows) {
  const Task& task = view_.task(row);
  if (task.kind == TaskKind::transfer && task.stream == Stream::pp) leave_message(row);
  if (senders_ == 0) return;
  if (task.kind == TaskKind::transfer && task.stream == Stream::ep) leave_all_to_all(row, flows);
  if (task.kind == TaskKind::compute) leave_compute(row);
}

std::vector<Arrow> TraceArrows::arrive(uint32_t row) {
  const auto found = pending_.find(row);
  if (found == pending_.end()) return {};
  std::vector<Arrow> arrows = std::move(found->second);
  pending_.erase(found);
  return arrows;
}

void TraceArrows::leave_compute(uint32_t row) {
  const Block& block = view_.block(row);
  const TaskGraph& graph = view_.graph(row);
  const uint32_t rank = block.first_rank + view_.task(row).rank;
  for (TaskId after : waiting_[block.graph][record_.task[row]]) {
    const Task& task = graph.tasks[after];
    if (task.kind == TaskKind::transfer && task.stream == Stream::ep &&
        takes_part(graph, after, rank - block.first_rank))
      point(row_of(record_.block[row], after), {row, rank, rank});
  }
}

// Per rank of the block's template: who sends it most bytes, among the ranks that the transfer is
// drawn on. None for ranks that take no part.
std::vector<std::vector<uint32_t>> TraceArrows::largest_senders(uint32_t row,
                                                                std::span<const Flow> flows) const {
  const Block& block = view_.block(row);
  const TaskGraph& graph = view_.graph(row);
  const int64_t count = graph.ranks;
  std::vector<bool> draws(graph.ranks);
  for (uint32_t rank : participants(graph, record_.task[row]))
    draws[rank] = view_.traced(block.first_rank + rank);
  std::map<std::pair<uint32_t, uint32_t>, double> bytes;  // (target, source), within the template
  for (const Flow& flow : flows) {
    const int64_t source = flow.source / kPorts, target = flow.target / kPorts;
    if (flow.source < 0 || flow.target < 0 || source >= count || target >= count ||
        source == target)
      continue;
    if (draws[source] && flow.bytes > 0)
      bytes[{static_cast<uint32_t>(target), static_cast<uint32_t>(source)}] += flow.bytes;
  }
  std::vector<std::vector<std::pair<double, uint32_t>>> by_target(graph.ranks);
  for (const auto& [pair, sum] : bytes) by_target[pair.first].push_back({-sum, pair.second});
  std::vector<std::vector<uint32_t>> senders(graph.ranks);
  for (uint32_t rank = 0; rank < graph.ranks; ++rank) {
    std::sort(by_target[rank].begin(), by_target[rank].end());
    if (!draws[rank]) continue;
    for (size_t i = 0; i < std::min(senders_, by_target[rank].size()); ++i)
      senders[rank].push_back(by_target[rank][i].second);
    // Nothing known of who sends: the rank's own slice still shows what it waited for.
    if (senders[rank].empty()) senders[rank].push_back(rank);
  }
  return senders;
}

void TraceArrows::leave_all_to_all(uint32_t row, std::span<const Flow> flows) {
  const Block& block = view_.block(row);
  const TaskGraph& graph = view_.graph(row);
  const auto senders = largest_senders(row, flows);
  for (TaskId after : waiting_[block.graph][record_.task[row]]) {
    if (!waits_for_messages(graph.tasks[after])) continue;
    const uint32_t to_row = row_of(record_.block[row], after);
    for (uint32_t rank : participants(graph, after))
      for (uint32_t sender : senders[rank])
        point(to_row, {row, block.first_rank + sender, block.first_rank + rank});
  }
}

void TraceArrows::leave_message(uint32_t row) {
  const BlockId id = record_.block[row];
  const Block& block = program_.blocks[id];
  const TaskGraph& graph = program_.templates[block.graph];
  view_.ranks(row, ranks_);
  if (ranks_.empty()) return;
  for (TaskId after : waiting_[block.graph][record_.task[row]]) {
    const Task& exit = graph.tasks[after];
    if (exit.kind != TaskKind::exit) continue;
    for (const BlockEdge& edge : block.outputs) {
      if (edge.from_port != exit.payload) continue;
      const Block& next = program_.blocks[edge.to];
      const TaskGraph& next_graph = program_.templates[next.graph];
      for (TaskId task : waiting_[next.graph][next_graph.entry(edge.to_port, exit.rank)])
        if (waits_for_messages(next_graph.tasks[task]) && takes_part(next_graph, task, exit.rank))
          point(row_of(edge.to, task), {row, ranks_.front(), next.first_rank + exit.rank});
    }
  }
}

}  // namespace moesim
