#include "routing/inclusion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/check.hpp"

namespace moesim {
namespace {

// [j]: probability that exactly j < k of the experts multiplied in have arrived.
using Arrivals = std::array<double, max_top_k>;

void multiply_in(Arrivals& arrivals, int k, std::span<const double> arrived) {
  for (double p : arrived) {
    for (int j = k - 1; j > 0; --j) arrivals[j] = arrivals[j] * (1 - p) + arrivals[j - 1] * p;
    arrivals[0] *= 1 - p;
  }
}

// For every e: P(fewer than k of the others have arrived). Halving instead of dividing e out again
// keeps it stable when an expert has arrived almost surely. `others` holds all experts outside of
// this range.
void fewer_than_k_others(std::span<const double> arrived, int k, const Arrivals& others,
                         std::span<double> out) {
  if (arrived.size() == 1) {
    out[0] = std::accumulate(others.begin(), others.begin() + k, 0.0);
    return;
  }
  const size_t half = arrived.size() / 2;
  Arrivals left = others, right = others;
  multiply_in(left, k, arrived.subspan(half));
  multiply_in(right, k, arrived.first(half));
  fewer_than_k_others(arrived.first(half), k, left, out.first(half));
  fewer_than_k_others(arrived.subspan(half), k, right, out.subspan(half));
}

void scale_to_sum(std::vector<double>& values, double sum) {
  const double factor = sum / std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value *= factor;
}

}  // namespace

// Bisects, since arrivals grow with time, from k / (sum of weights) on, where no more than k are
// expected.
double expected_race_time(std::span<const double> weights, int k) {
  MOESIM_CHECK(k < static_cast<int>(weights.size()), "{} of {} experts", k, weights.size());
  const auto expected = [&](double time) {
    double sum = 0;
    for (double weight : weights) sum -= std::expm1(-time * weight);
    return sum;
  };
  double low = k / std::accumulate(weights.begin(), weights.end(), 0.0), high = low;
  while (expected(high) < k) high *= 2;
  for (int i = 0; i < 60 && high > low * (1 + 1e-12); ++i) {
    const double middle = 0.5 * (low + high);
    (expected(middle) < k ? low : high) = middle;
  }
  return high;
}

// The k-th arrival is the one that has fewer than k others before it. Before `start` that is
// certain for all; then the integral runs on until the first k are surely there. Steps of 0.15 in
// log time keep the error of the trapezoidal rule below 1e-4, and the sum is scaled to k at the
// end.
std::vector<double> inclusion_probabilities(std::span<const double> weights, int k) {
  const int experts = static_cast<int>(weights.size());
  MOESIM_CHECK(k > 0 && k <= max_top_k && k <= experts, "top-{} of {} experts", k, experts);
  if (k == experts) return std::vector<double>(experts, 1.0);
  constexpr double log_step = 0.15;
  const double lightest = *std::min_element(weights.begin(), weights.end());
  const double start = 0.01 * expected_race_time(weights, k);
  std::vector<double> picked(experts), arrived(experts), fewer(experts);
  for (int e = 0; e < experts; ++e) picked[e] = -std::expm1(-start * weights[e]);
  for (int i = 0;; ++i) {
    const double time = start * std::exp(i * log_step);
    for (int e = 0; e < experts; ++e) arrived[e] = -std::expm1(-time * weights[e]);
    Arrivals none{};
    none[0] = 1;
    fewer_than_k_others(arrived, k, none, fewer);
    const double width = (i == 0 ? 0.5 : 1.0) * log_step * time;
    for (int e = 0; e < experts; ++e) picked[e] += width * weights[e] * (1 - arrived[e]) * fewer[e];
    if (*std::max_element(fewer.begin(), fewer.end()) < 1e-9 || time * lightest > 40) break;
  }
  for (double& p : picked) p = std::min(p, 1.0);
  scale_to_sum(picked, k);
  for (double& p : picked) p = std::min(p, 1.0);
  return picked;
}

// The load beyond a full expert's cap goes to the others in proportion, which may fill more of
// them.
std::vector<double> capped_probabilities(std::span<const double> loads, int k) {
  if (k == static_cast<int>(loads.size())) return std::vector<double>(loads.size(), 1.0);
  const double cap = std::max(0.999, static_cast<double>(k) / static_cast<double>(loads.size()));
  std::vector<bool> full(loads.size(), false);
  std::vector<double> result(loads.size());
  while (true) {
    double free_load = 0, room = k;
    for (size_t e = 0; e < loads.size(); ++e) full[e] ? room -= cap : free_load += loads[e];
    bool changed = false;
    for (size_t e = 0; e < loads.size(); ++e) {
      if (full[e]) continue;
      result[e] = loads[e] / free_load * room;
      if (result[e] > cap) full[e] = changed = true, result[e] = cap;
    }
    if (!changed) return result;
  }
}

// Starts from the weights under which a race of fixed length would have these probabilities, and
// corrects each by how far its rate is off.
std::vector<double> weights_of_inclusion(std::span<const double> probabilities, int k) {
  const auto rate = [](double p) { return -std::log1p(-std::min(p, 0.9999)); };
  std::vector<double> weights;
  for (double p : probabilities) weights.push_back(rate(p));
  if (k < static_cast<int>(probabilities.size())) {
    for (int i = 0; i < 4; ++i) {
      const std::vector<double> reached = inclusion_probabilities(weights, k);
      for (size_t e = 0; e < weights.size(); ++e)
        weights[e] *= rate(probabilities[e]) / rate(reached[e]);
    }
  }
  scale_to_sum(weights, 1);
  return weights;
}

}  // namespace moesim
