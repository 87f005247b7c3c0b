// From a routing request to the popularity of each expert in each layer, that is the weights of the
// race in routing/inclusion.hpp; and the factors that move it from one microbatch, or one source
// rank, to the next.
#pragma once

#include <cstdint>
#include <span>
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

// Writes the log-normal factor of each expert (RoutingSpec::jitter); 1 without jitter.
void fill_microbatch_factor(const RoutingSpec& spec, int experts, uint64_t seed, int layer,
                            int microbatch, int cell, std::vector<float>& factor);

// Multiplies by (1 - c) + c * x, x exponential of mean 1 (RoutingSpec::source_correlation): the
// popularity of one source is a mixture of the layer's and of its own, which would be a Dirichlet
// draw about it if all were equally popular.
void multiply_source_factor(const RoutingSpec& spec, uint64_t seed, int layer, int cell, int source,
                            std::vector<float>& factor);

// With node limits a group that a disturbance favours is chosen more often than its weight says:
// multiplies the factors of each group of `group_size` experts by (its mean factor over that of
// all)^(gain - 1), means weighted by rates.
void amplify_groups(std::span<const float> rates, int group_size, double gain,
                    std::span<float> factor);

// Rates of a disturbed layer: out[e] = c * rates[e] * factor[e] with c such that sum over e of 1 -
// exp(-out[e]) is k again (to 1e-4 k). For inner loops: rates are -log(1 - probability), so that
// factor 1 gives the layer's own probabilities.
void disturb_rates(std::span<const float> rates, std::span<const float> factor, int k,
                   std::vector<float>& out);

}  // namespace moesim
