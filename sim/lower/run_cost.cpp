#include "lower/run_cost.hpp"

#include <algorithm>

namespace moesim {

double RunCost::host_s(std::span<const Kernel> kernels) const {
  if (cuda_graph_) return 0;
  int launches = 0;
  for (const Kernel& kernel : kernels) launches += kernel.launches;
  return launches * device_.host_launch_s;
}

double RunCost::seconds(std::span<const Kernel> kernels, std::span<const int> rows) const {
  double total = 0;
  for (const Kernel& kernel : kernels) total += kernel_seconds(device_, kernel, rows);
  return std::max(total / device_.step_efficiency, host_s(kernels));
}

void RunCost::parts(Program& program, std::span<const Kernel> kernels, int layer, Phase phase,
                    std::span<const int> rows, std::vector<RunPart>& out) const {
  const size_t begin = out.size();
  double total = 0;
  for (const Kernel& kernel : kernels) {
    const double seconds = kernel_seconds(device_, kernel, rows) / device_.step_efficiency;
    const Phase part_phase =
        phase == Phase::backward && kernel.pass == Pass::backward_weight ? Phase::weight_gradient : phase;
    out.push_back({program.op(name_of(kernel.op)), part_phase, static_cast<uint16_t>(layer), seconds});
    total += seconds;
  }
  const double host = host_s(kernels);
  if (total > 0 && host > total)
    for (size_t i = begin; i < out.size(); ++i) out[i].seconds *= host / total;
}

}  // namespace moesim
