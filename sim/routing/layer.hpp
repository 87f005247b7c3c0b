// The facts that the aggregated sampler has of a layer before it draws: expected loads, spread
// between groups, where experts sit, and how often a token's choices coincide on a rank or node.
#pragma once

#include <vector>

#include "routing/tokens.hpp"

namespace moesim {

// Sets of slots that receive one copy of a token however many of its experts they hold: ranks, or
// nodes.
//
// P(token touches a set) = 1 - exp(-coincidence * sum over its slots of -log(1 - P(slot))). With
// coincidence 1 that is independence between experts; drawing without replacement raises it a
// little (large sets), choosing groups first lowers it. It is solved so that the mean number of
// distinct sets is that of the calibration tokens: one value for all sets without node limits; with
// them one per node, where popular groups differ from others, shared by its ranks.
struct TargetSets {
  int count = 0;
  int slots_per_set = 0;
  std::vector<float> coincidence;  // per set
};

struct LayerRouting {
  std::vector<double> weights;         // of the race; sum 1
  std::vector<double> loads;           // P(a token picks the expert); sum top_k
  std::vector<double> group_variance;  // of a token's copies per group; empty without node limits
  ExpertPlacement placement;
  std::vector<Replica> slots;  // of the placement
  bool replicated = false;
  TargetSets ranks;
  TargetSets nodes;
};

// Loads of the weights under the rule. Without node limits from routing/inclusion.hpp; with them,
// each group's share and the part of tokens that use it come from the calibration tokens, and the
// share is split within the group as a race among those tokens: even the hottest expert gets no
// token that passes its group by.
std::vector<double> expected_loads(const TokenRule& rule, const std::vector<double>& weights,
                                   const std::vector<int>& choices);

LayerRouting make_layer_routing(const TokenRule& rule, std::vector<double> weights,
                                std::vector<double> loads, const std::vector<int>& choices,
                                ExpertPlacement placement, int ranks_per_node);

// -log(1 - P(slot)) for a token, from the probability of its expert.
double slot_rate(const Replica& slot, double load);

}  // namespace moesim
