#include "run/step_energy.hpp"

#include <algorithm>

namespace moesim {

double kernel_joules_of(const Program& program) {
  std::vector<double> blocks(program.templates.size(), 0);
  for (const Block& block : program.blocks) ++blocks[block.graph];
  double joules = 0;
  for (size_t graph = 0; graph < program.templates.size(); ++graph)
    for (const Task& task : program.templates[graph].tasks) {
      if (task.kind != TaskKind::compute) continue;
      for (const ChainPart& part : program.chains[task.payload].parts)
        if (part.kernel != kNoKernel) joules += blocks[graph] * program.kernels[part.kernel].joules;
    }
  return joules / std::max<uint32_t>(1, program.simulated_ranks);
}

double idle_power_w(const Platform& platform) {
  if (platform.is_wafer_system()) return platform.wafers().wafer.power_w;
  const Device& device = platform.pod().device;
  return device.static_power_w > 0 ? device.static_power_w : device.power_w;
}

void fill_energy(StepReport& report, const Platform& platform, const Program& program) {
  const double idle_j = idle_power_w(platform) * report.step_time_s;
  const bool known = !platform.is_wafer_system() && platform.pod().device.static_power_w > 0;
  double device_j = idle_j;
  if (known) {
    const Device& device = platform.pod().device;
    const double kernels_j = kernel_joules_of(program);
    const double busy_s = report.breakdown_s.compute + report.breakdown_s.optimizer;
    device_j +=
        kernels_j > 0 ? kernels_j : std::max(0.0, device.power_w - device.static_power_w) * busy_s;
  }
  report.energy_j = device_j * report.devices;
  report.power_w = device_j / report.step_time_s;
}

}  // namespace moesim
