// How tokens choose experts, as the user asks for it; model/routing.hpp draws from it.
#pragma once

#include <string>
#include <vector>

namespace moesim {

enum class RoutingKind { balanced, zipf, dirichlet, histogram };
enum class Placement { contiguous, round_robin };

struct RoutingSpec {
  RoutingKind kind = RoutingKind::balanced;
  // zipf: popularity of the r-th most popular expert ~ 1/r^exponent; which expert that is differs per layer.
  double exponent = 0.0;
  // dirichlet: popularity of a layer ~ Dirichlet(concentration, ...); small is skewed.
  double concentration = 10.0;
  // histogram: relative load of each expert, for every layer.
  std::vector<double> histogram;
  // Spread of one microbatch around the layer's popularity: log-normal sigma per (layer, microbatch, expert).
  double jitter = 0.0;
  Placement placement = Placement::contiguous;
};

}  // namespace moesim
