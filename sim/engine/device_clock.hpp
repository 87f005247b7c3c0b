// Compute tasks of one device in adaptive mode: those that overlap share what communication kernels
// leave of the SMs, equally. The shares are known in closed form, so a timer per task is exact and
// needs no SimGrid activity.
#pragma once

#include <functional>
#include <vector>

#include "engine/executor.hpp"
#include "engine/simgrid_compat.hpp"

namespace moesim {

class DeviceClock {
 public:
  using OnDone = std::function<void(TaskToken)>;

  double speed = 1;  // of this device against nominal

  void start(TaskToken token, double seconds, const OnDone& on_done);
  // A communication kernel takes (positive) or gives back (negative) a share of the SMs.
  void occupy(double share, const OnDone& on_done);

 private:
  struct Running {
    TaskToken token;
    double remaining_s;
    simgrid_api::Timer* timer;
  };
  double rate() const;
  void settle();  // account for the time since the last change
  void schedule(const OnDone& on_done);
  void finish(TaskToken token, const OnDone& on_done);

  std::vector<Running> running_;
  double occupied_ = 0;
  double since_s_ = 0;
};

}  // namespace moesim
