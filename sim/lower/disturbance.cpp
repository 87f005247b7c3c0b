#include "lower/disturbance.hpp"

#include <cmath>
#include <utility>

#include "base/random.hpp"

namespace moesim {

namespace {

constexpr uint64_t kJitter = 0x71773e;

// Kernels vary independently of each other, so that a chain of many varies less than one.
double variation_of(const KernelChain& chain, double kernel_variation) {
  double sum = 0, squares = 0;
  for (const ChainPart& part : chain.parts) {
    sum += part.seconds;
    squares += part.seconds * part.seconds;
  }
  return sum > 0 ? kernel_variation * std::sqrt(squares) / sum : 0;
}

std::vector<double> slowness_of(const StepContext& context) {
  std::vector<double> slowness;
  for (const RankPlace& place : context.fabric.ranks)
    slowness.push_back(1 / device_speed(context.input.faults, context.pod.gpus_per_node,
                                        place.global_rank, context.input.seed));
  return slowness;
}

}  // namespace

Disturbance::Disturbance(const StepContext& context, const Program& program)
    : Disturbance(slowness_of(context), context.input.faults.kernel_jitter, program,
                  context.input.seed) {}

Disturbance::Disturbance(std::vector<double> slowness, double kernel_jitter, const Program& program,
                         uint64_t seed)
    : seed_(seed), slowness_(std::move(slowness)) {
  if (kernel_jitter > 0)
    for (const KernelChain& chain : program.chains)
      variation_.push_back(variation_of(chain, kernel_jitter));
}

double Disturbance::stretch(BlockId id, const Block& block, TaskId task_id,
                            const Task& task) const {
  const uint32_t rank = block.first_rank + task.rank;
  if (rank >= slowness_.size()) return 1;
  double factor = slowness_[rank];
  if (!variation_.empty())
    factor *= lognormal_factor(variation_[task.payload],
                               Random(seed_, {kJitter, id, task_id, rank}).normal());
  return factor;
}

}  // namespace moesim
