// How much longer than nominal each compute task takes, by the scenario's faults: the speed of its
// device, and jitter of its kernels.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/program.hpp"
#include "lower/step_context.hpp"

namespace moesim {

class Disturbance {
 public:
  Disturbance() = default;  // none
  Disturbance(const StepContext& context, const Program& program);
  // Ranks beyond `slowness` are no devices and take what they take. `kernel_jitter`: coefficient of
  // variation of the time of one kernel.
  Disturbance(std::vector<double> slowness, double kernel_jitter, const Program& program,
              uint64_t seed);

  double stretch(BlockId id, const Block& block, TaskId task_id, const Task& task) const;

 private:
  uint64_t seed_ = 0;
  std::vector<double> slowness_;  // per simulated device
  std::vector<double>
      variation_;  // per chain: coefficient of variation of its sum of kernels; empty: 0
};

}  // namespace moesim
