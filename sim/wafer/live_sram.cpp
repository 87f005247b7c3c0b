#include "wafer/live_sram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {

namespace {

constexpr double kNever = std::numeric_limits<double>::quiet_NaN();

struct Event {
  double time_s = 0;
  double bytes = 0;  // negative: freed
  BlockId block = 0;
  SramTensor tensor = SramTensor::hidden;
};

// Holds the times at which the tasks of one block ran on the wafer; NaN: it has no such task.
struct BlockTimes {
  std::vector<double> begin, end;  // of compute tasks
  std::vector<double> stream_begin, gradient_end;
  double fetch_begin = kNever, save_end = kNever;
};

class Ledger {
 public:
  Ledger(const LoweredWaferStep& step, const Record& record, uint32_t wafer)
      : step_(step), wafer_(wafer) {
    read(record);
    for (BlockId id = 0; id < times_.size(); ++id) add_block(id);
  }

  LiveSram run() {
    // A tensor that ends makes room for one that begins at the same time.
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return a.time_s != b.time_s ? a.time_s < b.time_s : (a.bytes < 0) > (b.bytes < 0);
    });
    const WaferMemory& planned = step_.context.plan.memory;
    std::array<double, kSramTensors> parts{};
    const auto part = [&](SramTensor tensor) -> double& {
      return parts[static_cast<size_t>(tensor)];
    };
    const auto live = [&] {
      double sum = planned.weights + planned.gradients;
      for (size_t i = 0; i < static_cast<size_t>(SramTensor::weights); ++i) sum += parts[i];
      return sum;
    };
    out_.moments.push_back({0, live()});
    out_.peak_bytes = live();
    for (const Event& event : events_) {
      part(event.tensor) += event.bytes;
      const double now = live();
      if (now > out_.peak_bytes) {
        out_.peak_bytes = now;
        out_.peak_at_s = event.time_s;
        out_.peak_block = event.block;
        out_.peak_parts = parts;
      }
      out_.most_weights = std::max(out_.most_weights, part(SramTensor::weights));
      out_.most_gradients = std::max(out_.most_gradients, part(SramTensor::gradients));
      if (out_.moments.back().time_s == event.time_s)
        out_.moments.back().bytes = now;
      else if (out_.moments.back().bytes != now)
        out_.moments.push_back({event.time_s, now});
    }
    out_.peak_parts[static_cast<size_t>(SramTensor::weights)] = planned.weights;
    out_.peak_parts[static_cast<size_t>(SramTensor::gradients)] = planned.gradients;
    return std::move(out_);
  }

 private:
  // Which time of a BlockTimes a task of a template is.
  struct Role {
    enum Kind : uint8_t { none, compute, stream, gradient, fetch, save } kind = none;
    uint32_t index = 0;
  };

  std::vector<std::vector<Role>> roles() const {
    std::vector<std::vector<Role>> roles;
    for (size_t graph = 0; graph < step_.tasks.size(); ++graph) {
      const WaferTasks& tasks = step_.tasks[graph];
      auto& of = roles.emplace_back(step_.program.templates[graph].tasks.size());
      const auto set = [&](const std::vector<TaskId>& ids, Role::Kind kind, uint32_t offset) {
        for (uint32_t i = 0; i < ids.size(); ++i) of[ids[i] + offset] = {kind, i};
      };
      set(tasks.computes, Role::compute, wafer_);
      set(tasks.streams, Role::stream, 0);
      set(tasks.gradients, Role::gradient, 0);
      if (tasks.fetches) set({tasks.fetches}, Role::fetch, wafer_);
      if (tasks.saves) set({tasks.saves}, Role::save, wafer_);
    }
    return roles;
  }

  const WaferTasks* tasks_of(BlockId id) const {
    const uint32_t graph = step_.program.blocks[id].graph;
    return graph < step_.tasks.size() ? &step_.tasks[graph] : nullptr;
  }

  void read(const Record& record) {
    const auto roles_of = roles();
    times_.resize(step_.program.blocks.size());
    for (BlockId id = 0; id < times_.size(); ++id) {
      const WaferTasks* tasks = tasks_of(id);
      if (!tasks) continue;
      times_[id].begin.assign(tasks->computes.size(), kNever);
      times_[id].end.assign(tasks->computes.size(), kNever);
      times_[id].stream_begin.assign(tasks->streams.size(), kNever);
      times_[id].gradient_end.assign(tasks->gradients.size(), kNever);
    }
    for (size_t row = 0; row < record.rows(); ++row) {
      const uint32_t graph = step_.program.blocks[record.block[row]].graph;
      if (graph >= roles_of.size()) continue;
      const Role role = roles_of[graph][record.task[row]];
      BlockTimes& times = times_[record.block[row]];
      if (role.kind == Role::compute) {
        times.begin[role.index] = record.start_s[row];
        times.end[role.index] = record.end_s[row];
      } else if (role.kind == Role::stream) {
        times.stream_begin[role.index] = record.start_s[row];
      } else if (role.kind == Role::gradient) {
        times.gradient_end[role.index] = record.end_s[row];
      } else if (role.kind == Role::fetch) {
        times.fetch_begin = record.start_s[row];
      } else if (role.kind == Role::save) {
        times.save_end = record.end_s[row];
      }
    }
    // Tasks without work (experts without tokens) have no row: they follow the one before at once.
    double now = 0;
    for (BlockTimes& times : times_)
      for (size_t i = 0; i < times.begin.size(); ++i) {
        if (std::isnan(times.begin[i])) times.begin[i] = times.end[i] = now;
        now = times.end[i];
      }
  }

  void take(BlockId id, SramTensor tensor, double bytes, double time_s) {
    if (bytes > 0) events_.push_back({time_s, bytes, id, tensor});
  }
  void free(BlockId id, SramTensor tensor, double bytes, double time_s) {
    if (bytes > 0) events_.push_back({time_s, -bytes, id, tensor});
  }

  void add_block(BlockId id) {
    const WaferTasks* tasks = tasks_of(id);
    if (!tasks) return;
    const WaferBlock& block = tasks->block;
    const BlockTimes& times = times_[id];
    for (const WaferHold& hold : block.holds) {
      take(id, hold.tensor, hold.bytes, times.begin[static_cast<size_t>(hold.first)]);
      free(id, hold.tensor, hold.bytes, times.end[static_cast<size_t>(hold.last)]);
    }
    add_lasting(id, block, times);
    add_buffers(id, block, times);
  }

  // Adds what outlives its block.
  void add_lasting(BlockId id, const WaferBlock& block, const BlockTimes& times) {
    const double begin = times.begin.front(), end = times.end.back();
    const bool forward = block.phase == Phase::forward;
    if (forward) {
      take(id, SramTensor::hidden, block.hidden_bytes, begin);
    } else {
      free(id, SramTensor::hidden, block.hidden_bytes, end);
    }
    if (block.spill_out_bytes > 0) {
      take(id, SramTensor::spilling, block.spill_out_bytes, begin);
      free(id, SramTensor::spilling, block.spill_out_bytes, times.save_end);
    } else if (block.spill_in_bytes > 0) {
      take(id, SramTensor::spilling, block.spill_in_bytes, times.fetch_begin);
      free(id, SramTensor::spilling, block.spill_in_bytes, end);
    } else if (forward) {
      take(id, SramTensor::saved, block.saved_bytes, begin);
    } else {
      free(id, SramTensor::saved, block.saved_bytes, end);
    }
  }

  void add_buffers(BlockId id, const WaferBlock& block, const BlockTimes& times) {
    std::vector<double> last_use(block.streams.size(), 0);
    size_t gradient = 0;
    for (size_t i = 0; i < block.computes.size(); ++i) {
      const WaferCompute& compute = block.computes[i];
      if (compute.stream >= 0) last_use[static_cast<size_t>(compute.stream)] = times.end[i];
      if (compute.gradient_elements <= 0) continue;
      double gone = times.gradient_end[gradient++];
      if (std::isnan(gone)) gone = times.end[i];
      take(id, SramTensor::gradients, compute.gradient_bytes, times.begin[i]);
      free(id, SramTensor::gradients, compute.gradient_bytes, gone);
    }
    for (size_t i = 0; i < block.streams.size(); ++i) {
      if (std::isnan(times.stream_begin[i])) continue;
      const double bytes = block.streams[i].bytes(step_.context);
      take(id, SramTensor::weights, bytes, times.stream_begin[i]);
      free(id, SramTensor::weights, bytes, last_use[i]);
    }
  }

  const LoweredWaferStep& step_;
  uint32_t wafer_;
  std::vector<BlockTimes> times_;
  std::vector<Event> events_;
  LiveSram out_;
};

}  // namespace

LiveSram live_sram(const LoweredWaferStep& step, const Record& record, uint32_t wafer) {
  return Ledger(step, record, wafer).run();
}

}  // namespace moesim
