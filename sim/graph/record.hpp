// The record of a run: one row per task that took time, in columns, in the order of completion.
#pragma once

#include <cstdint>
#include <vector>

namespace moesim {

inline constexpr uint32_t kNoRow = 0xffffffffu;

struct Record {
  std::vector<double> start_s;
  std::vector<double> end_s;
  std::vector<uint32_t> block;
  std::vector<uint32_t> task;  // within the block's template
  // Row of the task whose completion let this one start; kNoRow at the beginning.
  std::vector<uint32_t> cause;
  // Duration had it been alone: end - start - nominal is contention.
  std::vector<float> nominal_s;

  size_t rows() const { return start_s.size(); }
  void reserve(size_t count) {
    start_s.reserve(count);
    end_s.reserve(count);
    block.reserve(count);
    task.reserve(count);
    cause.reserve(count);
    nominal_s.reserve(count);
  }
  uint32_t add(double start, double end, uint32_t block_id, uint32_t task_id, uint32_t cause_row,
               double nominal) {
    start_s.push_back(start);
    end_s.push_back(end);
    block.push_back(block_id);
    task.push_back(task_id);
    cause.push_back(cause_row);
    nominal_s.push_back(static_cast<float>(nominal));
    return static_cast<uint32_t>(start_s.size() - 1);
  }
};

// Totals of one execution beside the rows.
struct Execution {
  Record record;
  double makespan_s = 0;
  uint32_t last_row = kNoRow;      // the row that ended last
  std::vector<double> link_bytes;  // per fabric link
  uint64_t tasks = 0;              // tasks completed, joins not counted
  uint64_t timers = 0;             // activities run on a timer because nothing contended
  uint64_t flows = 0;              // SimGrid communications
  uint64_t execs = 0;              // SimGrid executions (kernels that shared a device)
  uint64_t transfers = 0;
  // Parts of transfers that ran, wholly or from some moment on, as flows.
  uint64_t transfers_as_flows = 0;
};

}  // namespace moesim
