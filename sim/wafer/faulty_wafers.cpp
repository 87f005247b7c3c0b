#include "wafer/faulty_wafers.hpp"

#include <algorithm>

namespace moesim {

namespace {

// A wafer has no node: its rank alone names it.
constexpr int kNoNodes = 1;

struct WaferHealth {
  int wafer = 0;
  bool named = false;
  double speed = 1;
};

bool below(const WaferSystem& system, const BranchFault& fault, int wafer) {
  return wafer / wafers_below(system, fault.level) == fault.node;
}

WaferHealth health_of(const FaultSpec& faults, int wafer, uint64_t seed) {
  const auto names = [&](const auto& fault) { return covers(fault.place, wafer, kNoNodes); };
  return {wafer,
          std::any_of(faults.devices.begin(), faults.devices.end(), names) ||
              std::any_of(faults.links.begin(), faults.links.end(), names),
          device_speed(faults, kNoNodes, wafer, seed)};
}

std::vector<WaferHealth> working(const WaferSystem& system, const FaultSpec& faults,
                                 uint64_t seed) {
  std::vector<WaferHealth> all;
  for (int wafer = 0; wafer < system.systems; ++wafer)
    if (!is_lost(system, faults, wafer)) all.push_back(health_of(faults, wafer, seed));
  return all;
}

}  // namespace

int swarmx_levels(const WaferSystem& system) {
  int levels = 1;
  for (int64_t below = system.swarmx.fan_out; below < system.systems;
       below *= system.swarmx.fan_out)
    ++levels;
  return levels;
}

int64_t wafers_below(const WaferSystem& system, int level) {
  int64_t below = system.swarmx.fan_out;
  for (int i = swarmx_levels(system) - 1; i > level; --i) below *= system.swarmx.fan_out;
  return below;
}

int64_t swarmx_nodes(const WaferSystem& system, int level) {
  const int64_t below = wafers_below(system, level);
  return (system.systems + below - 1) / below;
}

int64_t swarmx_nodes(const WaferSystem& system) {
  int64_t nodes = 0;
  for (int level = 0; level < swarmx_levels(system); ++level) nodes += swarmx_nodes(system, level);
  return nodes;
}

bool is_lost(const WaferSystem& system, const FaultSpec& faults, int wafer) {
  return std::any_of(faults.devices.begin(), faults.devices.end(),
                     [&](const DeviceFault& fault) {
                       return fault.speed <= 0 && covers(fault.place, wafer, kNoNodes);
                     }) ||
         std::any_of(faults.swarmx.begin(), faults.swarmx.end(), [&](const BranchFault& fault) {
           return fault.bandwidth <= 0 && below(system, fault, wafer);
         });
}

WaferSystem with_faults(WaferSystem system, const FaultSpec& faults) {
  system.lost = 0;
  for (int wafer = 0; wafer < system.systems; ++wafer)
    system.lost += is_lost(system, faults, wafer);
  if (faults.memoryx.empty()) return system;
  MemoryX& memoryx = system.memoryx;
  std::vector<double> speeds(static_cast<size_t>(memoryx.nodes), 1.0);
  for (const StoreFault& fault : faults.memoryx) speeds[fault.node] *= fault.speed;
  std::erase_if(speeds, [](double speed) { return speed <= 0; });
  const double left = static_cast<double>(speeds.size()) / memoryx.nodes;
  const double rate = left * *std::min_element(speeds.begin(), speeds.end());
  memoryx.capacity_bytes *= left;
  memoryx.egress_bytes_per_s *= rate;
  memoryx.ingress_bytes_per_s *= rate;
  memoryx.update_bytes_per_s *= rate;
  return system;
}

ChosenWafers choose_wafers(const WaferSystem& system, const FaultSpec& faults, int simulated,
                           uint64_t seed) {
  ChosenWafers chosen;
  std::vector<WaferHealth> wafers = working(system, faults, seed);
  for (const BranchFault& fault : faults.swarmx) {
    const auto first = std::find_if(wafers.begin(), wafers.end(), [&](const WaferHealth& one) {
      return below(system, fault, one.wafer);
    });
    if (first != wafers.end()) first->named = true;
  }
  const auto named =
      std::count_if(wafers.begin(), wafers.end(), [](auto& one) { return one.named; });
  if (named > 0) simulated = std::max(simulated, static_cast<int>(named) + 1);
  simulated = std::min(simulated, static_cast<int>(wafers.size()));
  std::stable_sort(wafers.begin(), wafers.end(), [](const WaferHealth& a, const WaferHealth& b) {
    return a.named != b.named ? a.named : a.speed < b.speed;
  });
  const double others = static_cast<double>(static_cast<int64_t>(wafers.size()) - named) /
                        static_cast<double>(std::max<int64_t>(1, simulated - named));
  wafers.resize(static_cast<size_t>(simulated));
  std::sort(wafers.begin(), wafers.end(),
            [](const WaferHealth& a, const WaferHealth& b) { return a.wafer < b.wafer; });
  for (const WaferHealth& one : wafers) {
    chosen.wafers.push_back(one.wafer);
    if (named > 0) chosen.weights.push_back(one.named ? 1 : others);
  }
  return chosen;
}

}  // namespace moesim
