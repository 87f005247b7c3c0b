#include "engine/reference.hpp"

#include <algorithm>
#include <queue>

#include "engine/executor.hpp"
#include "engine/link_load.hpp"

namespace moesim {

namespace {

class ReferenceBackend : public Backend {
 public:
  ReferenceBackend(const Fabric& fabric, Execution& execution)
      : fabric_(fabric), execution_(execution), loads_(fabric) {}

  double now() const override { return now_; }
  void start_compute(TaskToken token, uint32_t, double seconds) override { after(seconds, token); }
  void start_delay(TaskToken token, double seconds) override { after(seconds, token); }
  double start_transfer(TaskToken token, uint32_t first_rank, const Transfer& transfer,
                        const std::vector<Flow>& flows, double fixed_s) override {
    double seconds = 0;
    for (const bool nvlink : {true, false}) {
      scratch_.clear();
      loads_.collect(flows, first_rank, nvlink, scratch_);
      seconds = std::max(seconds, busiest_s(fabric_, scratch_) /
                                      (nvlink ? transfer.nvlink_rate : transfer.nic_rate));
      for (const LinkLoad& load : scratch_) execution_.link_bytes[load.link] += load.bytes;
    }
    seconds += transfer.latency_s + fixed_s;
    after(seconds, token);
    return seconds;
  }

  void run(Executor& executor) {
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time_s;
      executor.complete(event.token);
    }
  }

 private:
  struct Event {
    double time_s;
    uint64_t order;  // ties are broken by who started first
    TaskToken token;
    bool operator<(const Event& other) const {
      return time_s != other.time_s ? time_s > other.time_s : order > other.order;
    }
  };
  void after(double seconds, TaskToken token) { events_.push({now_ + seconds, order_++, token}); }

  const Fabric& fabric_;
  Execution& execution_;
  LinkLoads loads_;
  std::vector<LinkLoad> scratch_;
  std::priority_queue<Event> events_;
  double now_ = 0;
  uint64_t order_ = 0;
};

}  // namespace

Execution execute_reference(const Program& program, const Fabric& fabric,
                            const InstanceSource& source) {
  Execution execution;
  execution.link_bytes.assign(fabric.links.size(), 0);
  ReferenceBackend backend(fabric, execution);
  Executor executor(program, source, backend, execution);
  executor.begin();
  backend.run(executor);
  executor.require_done();
  return execution;
}

}  // namespace moesim
