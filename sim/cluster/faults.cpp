#include "cluster/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"

namespace moesim {

namespace {

enum Draw : uint64_t { kSpread = 0x5b4ead, kStraggler };

std::string name_of(const FaultyPlace& place, bool wafers) {
  if (place.rank >= 0) return fmt::format("{} {}", wafers ? "wafer" : "rank", place.rank);
  return place.gpu < 0 ? fmt::format("node {}", place.node)
                       : fmt::format("node {} gpu {}", place.node, place.gpu);
}

std::string part(double fraction, const char* none) {
  return fraction <= 0 ? none : fmt::format("at {:g} %", 100 * fraction);
}

}  // namespace

bool covers(const FaultyPlace& place, int global_rank, int gpus_per_node) {
  if (place.rank >= 0) return place.rank == global_rank;
  return place.node == global_rank / gpus_per_node &&
         (place.gpu < 0 || place.gpu == global_rank % gpus_per_node);
}

double lognormal_factor(double variation, double normal) {
  const double variance = std::log1p(variation * variation);
  return std::exp(std::sqrt(variance) * normal - variance / 2);
}

double device_speed(const FaultSpec& faults, int gpus_per_node, int global_rank, uint64_t seed) {
  double speed = 1;
  for (const DeviceFault& fault : faults.devices)
    if (covers(fault.place, global_rank, gpus_per_node)) speed *= fault.speed;
  const auto rank = static_cast<uint64_t>(global_rank);
  if (faults.device_spread > 0)
    speed /= lognormal_factor(faults.device_spread, Random(seed, {kSpread, rank}).normal());
  if (faults.straggler_probability > 0 &&
      Random(seed, {kStraggler, rank}).uniform() < faults.straggler_probability)
    speed *= faults.straggler_speed;
  return speed;
}

LinkHealth link_health(const FaultSpec& faults, int gpus_per_node, int global_rank) {
  LinkHealth health;
  for (const LinkFault& fault : faults.links)
    if (covers(fault.place, global_rank, gpus_per_node)) {
      health.nic *= fault.nic;
      health.nvlink *= fault.nvlink;
    }
  return health;
}

std::string describe(const FaultSpec& faults, bool wafers) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const DeviceFault& fault : faults.devices)
    add(fmt::format("{} {}", name_of(fault.place, wafers), part(fault.speed, "lost")));
  for (const LinkFault& fault : faults.links) {
    if (fault.nic != 1)
      add(fmt::format("{} of {} {}", wafers ? "I/O" : "NIC", name_of(fault.place, wafers),
                      part(fault.nic, "dead")));
    if (fault.nvlink != 1)
      add(fmt::format("NVLink of {} {}", name_of(fault.place, wafers), part(fault.nvlink, "dead")));
  }
  for (const BranchFault& fault : faults.swarmx)
    add(fmt::format("SwarmX level {} node {} {}", fault.level, fault.node,
                    part(fault.bandwidth, "lost")));
  for (const StoreFault& fault : faults.memoryx)
    add(fmt::format("MemoryX node {} {}", fault.node, part(fault.speed, "lost")));
  if (faults.device_spread > 0)
    add(fmt::format("devices differ by {:g} %", 100 * faults.device_spread));
  if (faults.straggler_probability > 0)
    add(fmt::format("{:g} % of devices at {:g} of their speed", 100 * faults.straggler_probability,
                    faults.straggler_speed));
  if (faults.kernel_jitter > 0)
    add(fmt::format("kernels vary by {:g} %", 100 * faults.kernel_jitter));
  return text;
}

}  // namespace moesim
