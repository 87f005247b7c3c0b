// What moves a layer's popularity from one microbatch, or one source rank, to the next: factors on
// the weights of the race.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "routing/spec.hpp"

namespace moesim {

// Log-normal factor of each expert (RoutingSpec::jitter); 1 without jitter.
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
