// Runs a program: keeps the counts of what each task waits for, hands a task to a backend the
// moment it becomes ready, and releases its successors when the backend says it is done. Knows
// nothing of SimGrid; the backend decides how long things take and who shares what with whom.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "graph/program.hpp"
#include "graph/record.hpp"

namespace moesim {

// Names a task of a live block until it completes.
struct TaskToken {
  uint32_t live = 0;  // index among the live blocks
  TaskId task = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual double now() const = 0;
  // Each start ends in exactly one Executor::complete, never from within the start itself.
  virtual void start_compute(TaskToken token, uint32_t rank, double seconds) = 0;
  virtual void start_delay(TaskToken token, double seconds) = 0;
  // `transfer` has participants, latency and SM share; `flows` are what moves. Both are relative to
  // `first_rank` and alive until the transfer completes; `fixed_s` is paid like latency. Returns
  // how long it takes when nothing contends.
  virtual double start_transfer(TaskToken token, uint32_t first_rank, const Transfer& transfer,
                                const std::vector<Flow>& flows, double fixed_s) = 0;
};

class Executor {
 public:
  Executor(const Program& program, const InstanceSource& source, Backend& backend,
           Execution& execution);
  ~Executor();

  // Starts what waits for nothing. Call once, then let the backend's clock run.
  void begin();
  void complete(TaskToken token);
  // Throws RunError naming blocked tasks and the cycle among them unless everything has completed.
  void require_done() const;
  uint64_t blocks_done() const { return blocks_done_; }
  std::function<void(uint64_t done, uint64_t total)> on_progress;

 private:
  static constexpr uint32_t kRetired = kNoRow - 1;
  struct Live;
  struct Ready {
    TaskToken token;
    uint32_t cause;
  };

  uint32_t instantiate(BlockId block);
  void arrive(BlockId block, BlockPort port, uint32_t rank, uint32_t cause);
  void release(uint32_t live, TaskId task, uint32_t cause);
  // The task is over: its successors wait for one thing less.
  void pass(uint32_t live, TaskId task, uint32_t cause);
  void start(const Ready& ready);
  void drain();
  void retire(uint32_t live);

  const Program& program_;
  const InstanceSource& source_;
  Backend& backend_;
  Execution& execution_;
  std::vector<std::unique_ptr<Live>> live_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> live_of_block_;  // kNoRow before the first arrival, kRetired at the end
  std::vector<Ready> ready_;
  uint64_t blocks_done_ = 0;
  bool draining_ = false;
};

}  // namespace moesim
