#include "routing/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/check.hpp"
#include "base/random.hpp"
#include "routing/inclusion.hpp"
#include "routing/variates.hpp"

namespace moesim {
namespace {

enum Stream : uint64_t {
  permutation_stream = 101,
  dirichlet_stream = 102,
  walk_stream = 103,
  jitter_stream = 121,
  source_stream = 122
};

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
    if (spec.drift > 0 && spec.kind != RoutingKind::balanced && spec.kind != RoutingKind::in_turn) {
      for (int e = 0; e < experts; ++e)
        weights[e] *= std::exp(spec.drift * random_walk(seed, layer, e, step));
    }
    normalise(weights);
  }
  return popularity;
}

void fill_microbatch_factor(const RoutingSpec& spec, int experts, uint64_t seed, int layer,
                            int microbatch, int cell, std::vector<float>& factor) {
  factor.assign(experts, 1.0f);
  if (spec.jitter <= 0) return;
  Random random(seed, {jitter_stream, static_cast<uint64_t>(layer),
                       static_cast<uint64_t>(microbatch), static_cast<uint64_t>(cell)});
  for (float& f : factor) f = static_cast<float>(std::exp(spec.jitter * random.normal()));
}

void multiply_source_factor(const RoutingSpec& spec, uint64_t seed, int layer, int cell, int source,
                            std::vector<float>& factor) {
  if (spec.source_correlation <= 0) return;
  Random random(seed, {source_stream, static_cast<uint64_t>(layer), static_cast<uint64_t>(cell),
                       static_cast<uint64_t>(source)});
  const VariateTable& exponential = exponential_table();
  const float own = static_cast<float>(spec.source_correlation), shared = 1 - own;
  uint64_t hash = 0;
  for (size_t e = 0; e < factor.size(); ++e) {
    if (e % 4 == 0) hash = random.next();
    factor[e] *= shared + own * variate(exponential, hash, static_cast<int>(e % 4));
  }
}

void amplify_groups(std::span<const float> rates, int group_size, double gain,
                    std::span<float> factor) {
  const auto mean_factor = [&](size_t first, size_t end) {
    float weight = 0, sum = 0;
    for (size_t e = first; e < end; ++e) weight += rates[e], sum += rates[e] * factor[e];
    return std::max(sum / weight, 1e-6f);
  };
  const float all = mean_factor(0, rates.size());
  for (size_t first = 0; first < rates.size(); first += group_size) {
    const float ratio = mean_factor(first, first + group_size) / all;
    const float more = std::pow(ratio, static_cast<float>(gain - 1));
    for (size_t e = first; e < first + group_size; ++e) factor[e] *= more;
  }
}

void disturb_rates(std::span<const float> rates, std::span<const float> factor, int k,
                   std::vector<float>& out) {
  const size_t experts = rates.size();
  out.resize(experts);
  for (size_t e = 0; e < experts; ++e) out[e] = rates[e] * factor[e];
  const float wanted =
      static_cast<float>(std::min<double>(k, static_cast<double>(experts) * (1 - 1e-6)));
  float scale = 1;
  for (int i = 0; i < 8; ++i) {  // Newton on a concave function
    float picked[4] = {0, 0, 0, 0}, slope[4] = {0, 0, 0, 0};
    const auto add = [&](size_t e, int lane) {
      const float away = exp_of_minus(scale * out[e]);
      picked[lane] += 1 - away;
      slope[lane] += out[e] * away;
    };
    size_t e = 0;
    for (; e + 4 <= experts; e += 4) {
      for (int lane = 0; lane < 4; ++lane) add(e + lane, lane);
    }
    for (; e < experts; ++e) add(e, 0);
    const float off = wanted - (picked[0] + picked[1] + picked[2] + picked[3]);
    const float steepness = std::max(slope[0] + slope[1] + slope[2] + slope[3], 1e-12f);
    scale = std::clamp(scale + off / steepness, 0.25f * scale, 4 * scale);
    if (std::abs(off) < 0.01f * static_cast<float>(k))
      break;  // the step leaves about the square of this
  }
  for (float& rate : out) rate *= scale;
}

}  // namespace moesim
