#include "engine/executor.hpp"

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "engine/deadlock.hpp"

namespace moesim {

// The instance of a template that stands for a block while any of its tasks is not over.
struct Executor::Live {
  BlockId block = 0;
  const TaskGraph* graph = nullptr;
  std::vector<uint32_t> waiting;  // per task: predecessors and arrivals that are still missing
  std::vector<uint32_t> cause;    // per task: row that released it
  std::vector<double> started_s;  // per task
  std::vector<double> nominal_s;  // per task
  uint32_t remaining = 0;         // tasks that are not over
  InstanceData data;
};

Executor::Executor(const Program& program, const InstanceSource& source, Backend& backend,
                   Execution& execution)
    : program_(program), source_(source), backend_(backend), execution_(execution) {
  live_of_block_.assign(program.blocks.size(), kNoRow);
  execution_.record.reserve(static_cast<size_t>(program.task_count()));
}

Executor::~Executor() = default;

void Executor::begin() {
  draining_ = true;
  for (BlockId id = 0; id < program_.blocks.size(); ++id) {
    const Block& block = program_.blocks[id];
    bool first = true;
    for (uint32_t count : block.inputs) first = first && count == 0;
    if (first) instantiate(id);
  }
  draining_ = false;
  drain();
}

// A block comes to life at the first arrival, or at the beginning when it waits for nobody.
uint32_t Executor::instantiate(BlockId id) {
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(live_.size());
    live_.push_back(std::make_unique<Live>());
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Live& live = *live_[index];
  const Block& block = program_.blocks[id];
  live.block = id;
  live.graph = &program_.templates[block.graph];
  const size_t count = live.graph->tasks.size();
  live.waiting = live.graph->predecessors;
  live.cause.assign(count, kNoRow);
  live.started_s.resize(count);
  live.nominal_s.resize(count);
  live.remaining = static_cast<uint32_t>(count);
  live_of_block_[id] = index;
  if (live.graph->drawn_computes > 0 || live.graph->drawn_transfers > 0) {
    live.data.reset(*live.graph);
    source_.fill(block, *live.graph, live.data);
  }
  for (size_t port = 0; port < block.inputs.size(); ++port)
    for (uint32_t rank = 0; rank < live.graph->ranks; ++rank)
      live.waiting[live.graph->entry(port, rank)] += block.inputs[port];
  for (TaskId task = 0; task < count; ++task)
    if (live.waiting[task] == 0) ready_.push_back({{index, task}, kNoRow});
  return index;
}

void Executor::arrive(BlockId id, BlockPort port, uint32_t rank, uint32_t cause) {
  uint32_t index = live_of_block_[id];
  if (index == kNoRow) index = instantiate(id);
  release(index, live_[index]->graph->entry(port, rank), cause);
}

void Executor::release(uint32_t live, TaskId task, uint32_t cause) {
  MOESIM_CHECK(live_[live]->waiting[task] > 0, "block {} task {}", live_[live]->block, task);
  if (--live_[live]->waiting[task] == 0) ready_.push_back({{live, task}, cause});
}

void Executor::pass(uint32_t index, TaskId task, uint32_t cause) {
  Live& live = *live_[index];
  for (TaskId successor : live.graph->successors(task)) release(index, successor, cause);
  if (--live.remaining == 0) retire(index);
}

void Executor::retire(uint32_t index) {
  live_of_block_[live_[index]->block] = kRetired;
  free_.push_back(index);
  ++blocks_done_;
  if (on_progress) on_progress(blocks_done_, program_.blocks.size());
}

void Executor::start(const Ready& ready) {
  const auto [index, task_id] = ready.token;
  Live& live = *live_[index];
  const Task& task = live.graph->tasks[task_id];
  const uint32_t first_rank = program_.blocks[live.block].first_rank;
  live.cause[task_id] = ready.cause;
  live.started_s[task_id] = backend_.now();
  switch (task.kind) {
    case TaskKind::compute: {
      const double nominal = task.draw >= 0 ? live.data.seconds[task.draw] : task.seconds;
      const double seconds =
          nominal * source_.stretch(live.block, program_.blocks[live.block], task_id, task);
      live.nominal_s[task_id] = seconds;
      return backend_.start_compute(ready.token, first_rank + task.rank, seconds);
    }
    case TaskKind::delay:
      live.nominal_s[task_id] = task.seconds;
      return backend_.start_delay(ready.token, task.seconds);
    case TaskKind::transfer: {
      const Transfer& transfer = live.graph->transfers[task.payload];
      const auto& flows = task.draw >= 0 ? live.data.flows[task.draw] : transfer.flows;
      const double fixed_s = task.draw >= 0 ? live.data.fixed_s[task.draw] : 0;
      live.nominal_s[task_id] =
          backend_.start_transfer(ready.token, first_rank, transfer, flows, fixed_s);
      return;
    }
    case TaskKind::exit: {
      const Block& block = program_.blocks[live.block];
      const uint32_t rank = task.rank, port = task.payload;
      for (const BlockEdge& edge : block.outputs)
        if (edge.from_port == port) arrive(edge.to, edge.to_port, rank, ready.cause);
      return pass(index, task_id, ready.cause);
    }
    case TaskKind::entry:
    case TaskKind::join:
      return pass(index, task_id, ready.cause);
  }
}

// Starting a task may release others at once (joins, exits), and a backend may complete a task from
// within its own callback: whoever comes first works the queue off, so that nothing recurses.
void Executor::drain() {
  if (draining_) return;
  draining_ = true;
  for (size_t next = 0; next < ready_.size(); ++next) {
    const Ready ready = ready_[next];  // a copy: starting may grow the queue
    start(ready);
  }
  ready_.clear();
  draining_ = false;
}

void Executor::complete(TaskToken token) {
  Live& live = *live_[token.live];
  const double now = backend_.now();
  const uint32_t row =
      execution_.record.add(live.started_s[token.task], now, live.block, token.task,
                            live.cause[token.task], live.nominal_s[token.task]);
  ++execution_.tasks;
  if (now >= execution_.makespan_s) {
    execution_.makespan_s = now;
    execution_.last_row = row;
  }
  pass(token.live, token.task, row);
  drain();
}

void Executor::require_done() const {
  if (blocks_done_ == program_.blocks.size()) return;
  std::vector<BlockState> states(program_.blocks.size());
  for (BlockId id = 0; id < states.size(); ++id) {
    const uint32_t live = live_of_block_[id];
    states[id].done = live == kRetired;
    if (!states[id].done && live != kNoRow) states[id].waiting = live_[live]->waiting;
  }
  throw RunError(explain_deadlock(program_, std::move(states)));
}

}  // namespace moesim
