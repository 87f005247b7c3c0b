#include "plan/mapping.hpp"

#include <algorithm>
#include <numeric>

#include "base/check.hpp"
#include "plan/pipeline_shape.hpp"

namespace moesim {

namespace {

// Nodes that a cell touches in each stage, summed; and where its first rank lies within its node.
struct CellPlace {
  int cell = 0;
  int nodes = 0;
  std::vector<int> offsets;
};

CellPlace place_of(const Mapping& mapping, int stages, int gpus_per_node, int cell) {
  CellPlace place;
  place.cell = cell;
  for (int stage = 0; stage < stages; ++stage) {
    const int first = global_rank(mapping, stage, cell, 0), last = first + mapping.cell - 1;
    place.nodes += last / gpus_per_node - first / gpus_per_node + 1;
    place.offsets.push_back(first % gpus_per_node);
  }
  return place;
}

void choose_cells(Mapping& mapping, int stages, int gpus_per_node) {
  std::vector<CellPlace> places;
  for (int cell = 0; cell < mapping.cells; ++cell)
    places.push_back(place_of(mapping, stages, gpus_per_node, cell));
  for (const CellPlace& place : places) {
    // Cells within one node are alike wherever they start.
    const bool inside = place.nodes == stages && places[0].nodes == stages;
    mapping.alike = mapping.alike && (inside || place.offsets == places[0].offsets);
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const CellPlace& a, const CellPlace& b) { return a.nodes > b.nodes; });
  for (int i = 0; i < mapping.simulated_cells; ++i) mapping.chosen_cells.push_back(places[i].cell);
  std::sort(mapping.chosen_cells.begin(), mapping.chosen_cells.end());
}

}  // namespace

Mapping derive_mapping(const Plan& plan, int gpus, int gpus_per_node, const Batch& batch) {
  Mapping mapping;
  const int dense = plan.tp * plan.cp, expert = plan.etp * plan.ep;
  MOESIM_CHECK(gpus % plan.pp == 0, "{} devices, pp {}", gpus, plan.pp);
  mapping.world = gpus;
  mapping.ranks_per_stage = gpus / plan.pp;
  MOESIM_CHECK(mapping.ranks_per_stage % dense == 0, "{} ranks a stage, tp x cp {}",
               mapping.ranks_per_stage, dense);
  MOESIM_CHECK(mapping.ranks_per_stage % expert == 0, "{} ranks a stage, etp x ep {}",
               mapping.ranks_per_stage, expert);
  mapping.dp = mapping.ranks_per_stage / dense;
  mapping.edp = mapping.ranks_per_stage / expert;
  mapping.cell = std::lcm(dense, expert);
  MOESIM_CHECK(mapping.ranks_per_stage % mapping.cell == 0, "{} ranks a stage, cell {}",
               mapping.ranks_per_stage, mapping.cell);
  mapping.cells = mapping.ranks_per_stage / mapping.cell;
  mapping.simulated_cells = plan.simulated_replicas == 0
                                ? mapping.cells
                                : std::min(mapping.cells, plan.simulated_replicas);
  choose_cells(mapping, plan.pp, gpus_per_node);
  mapping.microbatches = batch.global_batch / (batch.micro_batch * mapping.dp);
  MOESIM_CHECK(mapping.microbatches > 0, "global batch {} over {} data-parallel ranks",
               batch.global_batch, mapping.dp);
  return mapping;
}

namespace {
// Ranks of a cell whose index differs only in the digit of weight `stride` and base `size`.
Groups strided_groups(int cell, int stride, int size) {
  Groups groups;
  for (int first = 0; first < cell; ++first) {
    if (first / stride % size != 0) continue;
    std::vector<int> group;
    for (int i = 0; i < size; ++i) group.push_back(first + i * stride);
    groups.push_back(std::move(group));
  }
  return groups;
}
}  // namespace

Groups tensor_groups(const Plan& plan, const Mapping& mapping) {
  return strided_groups(mapping.cell, 1, plan.tp);
}
Groups context_groups(const Plan& plan, const Mapping& mapping) {
  return strided_groups(mapping.cell, plan.tp, plan.cp);
}
Groups expert_groups(const Plan& plan, const Mapping& mapping) {
  return strided_groups(mapping.cell, plan.etp, plan.ep);
}
Groups expert_tensor_groups(const Plan& plan, const Mapping& mapping) {
  return strided_groups(mapping.cell, 1, plan.etp);
}

int global_rank(const Mapping& mapping, int stage, int cell, int local) {
  return stage * mapping.ranks_per_stage + cell * mapping.cell + local;
}

int simulated_rank(const Mapping& mapping, int stage, int cell, int local) {
  return (stage * mapping.simulated_cells + cell) * mapping.cell + local;
}

std::vector<int> simulated_global_ranks(const Plan& plan, const Mapping& mapping) {
  std::vector<int> ranks;
  for (int stage = 0; stage < plan.pp; ++stage)
    for (int cell = 0; cell < mapping.simulated_cells; ++cell)
      for (int local = 0; local < mapping.cell; ++local)
        ranks.push_back(global_rank(mapping, stage, mapping.chosen_cells[cell], local));
  return ranks;
}

int SpreadGroup::members_per_node(int gpus_per_node) const {
  return std::clamp(gpus_per_node / stride, 1, size);
}

double SpreadGroup::spine_share(int gpus_per_node, int nodes_per_leaf) const {
  const int hop = std::max(1, stride / gpus_per_node);  // nodes from one member to the next
  const bool one_leaf =
      static_cast<int64_t>(size) * stride <= static_cast<int64_t>(gpus_per_node) * nodes_per_leaf;
  return one_leaf ? 0 : std::min(1.0, static_cast<double>(hop) / nodes_per_leaf);
}

SpreadGroup attention_data_group(const Plan& plan, const Mapping& mapping) {
  return {mapping.dp * plan.cp * pipeline_shape(plan).copies(), plan.tp};
}

SpreadGroup expert_data_group(const Plan& plan, const Mapping& mapping) {
  return {mapping.edp * pipeline_shape(plan).copies(), plan.etp * plan.ep};
}

}  // namespace moesim
