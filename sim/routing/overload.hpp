// Finds how skewed a routing must be to have a stated overload factor: published runs give the
// factor, not the distribution behind it.
#pragma once

#include <cstdint>

#include "routing/routing.hpp"

namespace moesim {

// Mean over layers and microbatches of the most loaded rank over the mean rank.
double mean_overload_factor(const RoutingSpec& spec, const RoutingShape& shape, int layers,
                            int microbatches, uint64_t seed);

// The spec with exponent (zipf, in [0, 4]) or concentration (dirichlet, in [0.01, 1e4]) such that
// the mean overload factor is spec.target_overload, and target_overload cleared. Other kinds come
// back as they are but for that. Where the target is out of reach (drawn tokens alone exceed it, or
// ranks cannot be loaded so unevenly) the nearest end results.
RoutingSpec with_target_overload(const RoutingSpec& spec, const RoutingShape& shape, uint64_t seed);

}  // namespace moesim
