#include "engine/device_clock.hpp"

#include <algorithm>

namespace moesim {

using simgrid_api::s4u::Engine;

namespace {
// However many communication kernels run, compute is never starved entirely.
constexpr double kLeastShare = 0.02;
}  // namespace

double DeviceClock::rate() const {
  const double share = std::max(kLeastShare, 1 - occupied_);
  return speed * share / static_cast<double>(std::max<size_t>(1, running_.size()));
}

void DeviceClock::settle() {
  const double now = Engine::get_clock();
  const double progress = (now - since_s_) * rate();
  for (Running& task : running_) task.remaining_s = std::max(0.0, task.remaining_s - progress);
  since_s_ = now;
}

void DeviceClock::schedule(const OnDone& on_done) {
  const double now = Engine::get_clock(), current = rate();
  for (Running& task : running_) {
    if (task.timer != nullptr) task.timer->remove();
    task.timer = simgrid_api::at(now + std::max(1e-9, task.remaining_s / current),
                                 [this, token = task.token, &on_done] { finish(token, on_done); });
  }
}

void DeviceClock::start(TaskToken token, double seconds, const OnDone& on_done) {
  settle();
  running_.push_back({token, seconds, nullptr});
  schedule(on_done);
}

void DeviceClock::occupy(double share, const OnDone& on_done) {
  settle();
  occupied_ = std::max(0.0, occupied_ + share);
  if (!running_.empty()) schedule(on_done);
}

void DeviceClock::finish(TaskToken token, const OnDone& on_done) {
  settle();
  const auto done = std::find_if(running_.begin(), running_.end(), [token](const Running& task) {
    return task.token.live == token.live && task.token.task == token.task;
  });
  running_.erase(done);
  if (!running_.empty()) schedule(on_done);
  on_done(token);
}

}  // namespace moesim
