#include "routing/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/check.hpp"
#include "base/random.hpp"
#include "routing/inclusion.hpp"

namespace moesim {
namespace {

enum Stream : uint64_t { permutation_stream = 101, dirichlet_stream = 102, walk_stream = 103 };

// An expert that nobody ever picks still takes part, so that top-k distinct experts always exist.
void normalise(std::vector<double>& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight = std::max(total > 0 ? weight / total : 1.0, 1e-9);
  const double floored = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= floored;
}

std::vector<double> zipf(double exponent, int experts, int layer, uint64_t seed) {
  std::vector<double> weights(experts);
  for (int rank = 0; rank < experts; ++rank) weights[rank] = std::pow(rank + 1, -exponent);
  Random random(seed, {permutation_stream, static_cast<uint64_t>(layer)});
  for (int i = experts - 1; i > 0; --i) std::swap(weights[i], weights[random.next() % (i + 1)]);
  return weights;
}

std::vector<double> dirichlet(double concentration, int experts, int layer, uint64_t seed) {
  std::vector<double> weights(experts);
  for (int e = 0; e < experts; ++e) {
    weights[e] =
        Random(seed, {dirichlet_stream, static_cast<uint64_t>(layer), static_cast<uint64_t>(e)})
            .gamma(concentration);
  }
  return weights;
}

// Shares of the step that each recorded layer takes.
std::map<int, std::vector<double>> recorded_loads(const RoutingSpec& spec, int experts, int step) {
  std::map<int, int> step_of_layer;
  for (const RecordedCount& row : spec.recorded) {
    auto [it, first] = step_of_layer.try_emplace(row.layer, row.step);
    const bool newer = row.step <= step && (it->second > step || row.step > it->second);
    const bool earlier = row.step > step && it->second > step && row.step < it->second;
    if (!first && (newer || earlier)) it->second = row.step;
  }
  std::map<int, std::vector<double>> loads;
  for (const RecordedCount& row : spec.recorded) {
    std::vector<double>& layer = loads.try_emplace(row.layer, experts, 0.0).first->second;
    if (step_of_layer.at(row.layer) == row.step && row.expert >= 0 && row.expert < experts) {
      layer[row.expert] += row.tokens;
    }
  }
  for (auto& [layer, values] : loads) normalise(values);
  return loads;
}

// Given loads of each layer; empty where the kind has none.
std::vector<std::vector<double>> given_loads(const RoutingSpec& spec, int experts, int layers,
                                             int step) {
  std::vector<std::vector<double>> loads(layers);
  if (spec.kind == RoutingKind::histogram) {
    for (int layer = 0; layer < layers; ++layer) {
      const size_t last = spec.layer_histograms.size();
      loads[layer] =
          last == 0 ? spec.histogram : spec.layer_histograms[std::min<size_t>(layer, last - 1)];
    }
  } else if (spec.kind == RoutingKind::recorded) {
    const auto recorded = recorded_loads(spec, experts, step);
    std::vector<double> mean(experts, 0.0);
    for (const auto& [layer, values] : recorded) {
      for (int e = 0; e < experts; ++e) mean[e] += values[e];
    }
    for (int layer = 0; layer < layers; ++layer) {
      loads[layer] = recorded.contains(layer) ? recorded.at(layer) : mean;
    }
  }
  for (std::vector<double>& values : loads) {
    if (values.empty()) continue;
    MOESIM_CHECK(static_cast<int>(values.size()) == experts, "{} loads for {} experts",
                 values.size(), experts);
    normalise(values);
  }
  return loads;
}

}  // namespace

double random_walk(uint64_t seed, int layer, int expert, int step) {
  constexpr int end = 1 << 20;
  MOESIM_CHECK(step >= 0 && step <= end, "step {}", step);
  const auto normal = [&](int at) {
    return Random(seed, {walk_stream, static_cast<uint64_t>(layer), static_cast<uint64_t>(expert),
                         static_cast<uint64_t>(at)})
        .normal();
  };
  if (step == 0) return 0;
  int left = 0, right = end;
  double at_left = 0, at_right = std::sqrt(end) * normal(end);
  while (step != right) {
    const int middle = left + (right - left) / 2;
    const double at_middle =
        0.5 * (at_left + at_right) + std::sqrt(0.25 * (right - left)) * normal(middle);
    if (step <= middle) {
      right = middle, at_right = at_middle;
    } else {
      left = middle, at_left = at_middle;
    }
  }
  return at_right;
}

std::vector<std::vector<double>> layer_popularity(const RoutingSpec& spec, int experts, int top_k,
                                                  int layers, uint64_t seed, int step) {
  const auto given = given_loads(spec, experts, layers, step);
  std::vector<std::vector<double>> popularity(layers);
  for (int layer = 0; layer < layers; ++layer) {
    std::vector<double>& weights = popularity[layer];
    if (!given[layer].empty()) {
      const bool repeated = layer > 0 && given[layer] == given[layer - 1] && spec.drift == 0;
      weights = repeated ? popularity[layer - 1]
                         : weights_of_inclusion(capped_probabilities(given[layer], top_k), top_k);
    } else if (spec.kind == RoutingKind::zipf) {
      weights = zipf(spec.exponent, experts, layer, seed);
    } else if (spec.kind == RoutingKind::dirichlet) {
      weights = dirichlet(spec.concentration, experts, layer, seed);
    } else {
      weights.assign(experts, 1.0);
    }
    if (spec.drift > 0 && spec.kind != RoutingKind::balanced) {
      for (int e = 0; e < experts; ++e)
        weights[e] *= std::exp(spec.drift * random_walk(seed, layer, e, step));
    }
    normalise(weights);
  }
  return popularity;
}

}  // namespace moesim
