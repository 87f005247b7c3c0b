#include "routing/overload.hpp"

#include <cmath>

namespace moesim {
namespace {

constexpr int probe_layers =
    24;  // spread of the mean over so many layers: about 3 % at an overload factor of 2
constexpr int probe_microbatches = 2;
constexpr int bisections = 10;

}  // namespace

double mean_overload_factor(const RoutingSpec& spec, const RoutingShape& shape, int layers,
                            int microbatches, uint64_t seed) {
  const Router router(spec, shape, layers, seed);
  RoutedTokens tokens;
  double sum = 0;
  for (int layer = 0; layer < layers; ++layer) {
    for (int microbatch = 0; microbatch < microbatches; ++microbatch) {
      router.sample(layer, microbatch, 0, tokens);
      sum += tokens.overload_factor();
    }
  }
  return sum / (layers * microbatches);
}

RoutingSpec with_target_overload(const RoutingSpec& spec, const RoutingShape& shape,
                                 uint64_t seed) {
  RoutingSpec result = spec;
  result.target_overload = 0;
  const bool zipf = spec.kind == RoutingKind::zipf;
  if (spec.target_overload <= 0 || (!zipf && spec.kind != RoutingKind::dirichlet)) return result;
  // Position 0 is even, 1 is the most skewed end; the same random numbers at every position make it
  // monotone.
  const auto set = [&](double position) {
    if (zipf) {
      result.exponent = 4 * position;
    } else {
      result.concentration = 1e4 * std::pow(1e-6, position);
    }
  };
  double low = 0, high = 1;
  for (int i = 0; i < bisections; ++i) {
    const double middle = 0.5 * (low + high);
    set(middle);
    const double reached =
        mean_overload_factor(result, shape, probe_layers, probe_microbatches, seed);
    (reached < spec.target_overload ? low : high) = middle;
  }
  set(0.5 * (low + high));
  return result;
}

}  // namespace moesim
