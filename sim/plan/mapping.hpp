// Who is in which group. Megatron-LM's rank order: tensor fastest, then context, (expert,) data,
// pipeline slowest; experts are mapped on the same ranks with their own sizes ("parallel folding",
// arXiv:2504.14960).
#pragma once

#include <span>
#include <vector>

#include "plan/plan.hpp"

namespace moesim {

// A cell is the smallest run of consecutive ranks of a stage that holds whole TP, CP, EP and ETP
// groups. Cells of a stage are data-parallel replicas of each other: they meet in gradient
// reduction and parameter gathering only.
struct Mapping {
  int world = 0;
  int dp = 0;   // data parallel size of attention: world / (tp cp pp)
  int edp = 0;  // data parallel size of experts: world / (etp ep pp)
  int ranks_per_stage = 0;
  int cell = 0;
  int cells = 0;            // per stage
  int simulated_cells = 0;  // per stage; the other cells are folded
  // Cells that are simulated: those that spread over most nodes first, because cells that do not
  // line up with nodes are not alike and all wait for the slowest. `alike`: all cells of all stages
  // lie on nodes in the same way.
  std::vector<int> chosen_cells;
  bool alike = true;
  // How many cells each simulated one stands for, in figures of the mean device; empty: the same
  // for all.
  std::vector<double> cell_weights;
  int microbatches = 0;  // per data-parallel rank and step
};

// Sizes must divide as config/consistency checks; aborts otherwise.
Mapping derive_mapping(const Plan& plan, int gpus, int gpus_per_node, const Batch& batch);

// Groups of ranks within a cell, each in ring order.
using Groups = std::vector<std::vector<int>>;
Groups tensor_groups(const Plan& plan, const Mapping& mapping);
Groups context_groups(const Plan& plan, const Mapping& mapping);
Groups expert_groups(const Plan& plan, const Mapping& mapping);  // EP: same position inside ETP
Groups expert_tensor_groups(const Plan& plan, const Mapping& mapping);  // ETP

int global_rank(const Mapping& mapping, int stage, int cell, int local);
// Simulated ranks are numbered stage by stage, cell by cell.
int simulated_rank(const Mapping& mapping, int stage, int cell, int local);
std::vector<int> simulated_global_ranks(const Plan& plan, const Mapping& mapping);

// A data-parallel group spans the stage (with DualPipe, also the stage that mirrors it, taken as
// more of the same): `size` members, consecutive ones `stride` ranks apart.
struct SpreadGroup {
  int size = 1;
  int stride = 1;
  // Returns how many members share a node of `gpus_per_node` devices.
  int members_per_node(int gpus_per_node) const;
  // Part of a ring's hops between nodes that leave the leaf switch.
  double spine_share(int gpus_per_node, int nodes_per_leaf) const;
};
SpreadGroup attention_data_group(const Plan& plan,
                                 const Mapping& mapping);  // DP x CP: gradients of all but experts
SpreadGroup expert_data_group(const Plan& plan, const Mapping& mapping);  // EDP

}  // namespace moesim
