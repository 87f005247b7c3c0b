// From what the user asks for to the popularity of each expert in each layer: the weights of the
// race in routing/inclusion.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "routing/spec.hpp"

namespace moesim {

// One list per layer, positive, summing to 1. For histogram and recorded the weights are those
// under which the tokens that arrive (not the weights) have the given proportions; top-k of
// distinct experts flattens weights. `step` replaces spec.step.
std::vector<std::vector<double>> layer_popularity(const RoutingSpec& spec, int experts, int top_k,
                                                  int layers, uint64_t seed, int step);

// Position at `step` of a walk of unit variance per step that starts at 0: a pure function of its
// key, by bisecting a Brownian bridge, so that step 1,000 does not cost 1,000 draws. 0 <= step <=
// 2^20.
double random_walk(uint64_t seed, int layer, int expert, int step);

}  // namespace moesim
