#include "plan/faulty_cells.hpp"

#include <algorithm>

namespace moesim {

namespace {

struct CellHealth {
  int cell = 0;
  bool named = false;
  double slowest = 1;
};

CellHealth health_of(const Mapping& mapping, int stages, const FaultSpec& faults, int gpus_per_node,
                     uint64_t seed, int cell) {
  CellHealth health{cell};
  const auto named = [&](const auto& list, int rank) {
    return std::any_of(list.begin(), list.end(),
                       [&](const auto& fault) { return covers(fault.place, rank, gpus_per_node); });
  };
  for (int stage = 0; stage < stages; ++stage)
    for (int local = 0; local < mapping.cell; ++local) {
      const int rank = global_rank(mapping, stage, cell, local);
      health.named = health.named || named(faults.devices, rank) || named(faults.links, rank);
      health.slowest = std::min(health.slowest, device_speed(faults, gpus_per_node, rank, seed));
    }
  return health;
}

}  // namespace

void choose_faulty_cells(Mapping& mapping, const Plan& plan, const FaultSpec& faults,
                         int gpus_per_node, uint64_t seed) {
  if (!faults.slows_some_devices() && faults.links.empty()) return;
  std::vector<CellHealth> cells;
  for (int cell = 0; cell < mapping.cells; ++cell)
    cells.push_back(health_of(mapping, plan.pp, faults, gpus_per_node, seed, cell));
  const auto chosen_before = [&mapping](int cell) {
    return std::find(mapping.chosen_cells.begin(), mapping.chosen_cells.end(), cell) !=
           mapping.chosen_cells.end();
  };
  const int named = static_cast<int>(
      std::count_if(cells.begin(), cells.end(), [](const auto& c) { return c.named; }));
  std::stable_sort(cells.begin(), cells.end(), [&](const CellHealth& a, const CellHealth& b) {
    if (a.named != b.named) return a.named;
    if (a.slowest != b.slowest) return a.slowest < b.slowest;
    return chosen_before(a.cell) && !chosen_before(b.cell);
  });
  if (named > 0)
    mapping.simulated_cells = std::clamp(named + 1, mapping.simulated_cells, mapping.cells);
  cells.resize(static_cast<size_t>(mapping.simulated_cells));
  std::sort(cells.begin(), cells.end(),
            [](const CellHealth& a, const CellHealth& b) { return a.cell < b.cell; });
  const int sound = mapping.simulated_cells - named;
  mapping.chosen_cells.clear();
  for (const CellHealth& cell : cells) {
    mapping.chosen_cells.push_back(cell.cell);
    const double others = static_cast<double>(mapping.cells - named) / std::max(1, sound);
    if (named > 0) mapping.cell_weights.push_back(cell.named ? 1 : others);
  }
}

}  // namespace moesim
