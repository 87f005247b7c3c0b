#include "routing/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "routing/inclusion.hpp"

namespace moesim {
namespace {

RoutingSpec spec_of(RoutingKind kind) {
  RoutingSpec spec;
  spec.kind = kind;
  return spec;
}

double mean_square(const std::vector<double>& values) {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0) /
         static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("Zipf popularity is a power of the rank, with another order in every layer") {
  RoutingSpec spec = spec_of(RoutingKind::zipf);
  spec.exponent = 0.8;
  const auto layers = layer_popularity(spec, 64, 4, 3, 11, 0);
  REQUIRE(layers[0] != layers[1]);
  for (std::vector<double> layer : layers) {
    std::sort(layer.rbegin(), layer.rend());
    for (int r = 0; r < 64; ++r) REQUIRE(layer[r] / layer[0] == Approx(std::pow(r + 1, -0.8)));
    REQUIRE(std::accumulate(layer.begin(), layer.end(), 0.0) == Approx(1));
  }
}

// Variance of a component of Dirichlet(a, ..., a) over n: (1/n)(1-1/n) / (n a + 1).
TEST_CASE("Dirichlet popularity has the variance of its concentration") {
  for (double concentration : {0.5, 2.0, 20.0}) {
    RoutingSpec spec = spec_of(RoutingKind::dirichlet);
    spec.concentration = concentration;
    double squares = 0;
    const auto layers = layer_popularity(spec, 64, 4, 200, 5, 0);
    for (const auto& layer : layers) squares += mean_square(layer) / 200;
    const double expected = (1 / 64.0) * (63 / 64.0) / (64 * concentration + 1);
    REQUIRE(squares - 1 / (64.0 * 64.0) == Approx(expected).epsilon(0.1));
  }
}

TEST_CASE("a histogram gives the proportions of what arrives") {
  RoutingSpec spec = spec_of(RoutingKind::histogram);
  for (int e = 0; e < 16; ++e) spec.histogram.push_back(1 + e % 4);
  const auto layers = layer_popularity(spec, 16, 4, 2, 1, 0);
  REQUIRE(layers[0] == layers[1]);
  const std::vector<double> picked = inclusion_probabilities(layers[0], 4);
  for (int e = 0; e < 16; ++e)
    REQUIRE(picked[e] == Approx(4 * spec.histogram[e] / 40).epsilon(0.01));
}

TEST_CASE("histograms per layer, the last one serving the layers beyond") {
  RoutingSpec spec = spec_of(RoutingKind::histogram);
  spec.layer_histograms = {{1, 1, 1, 3}, {3, 1, 1, 1}};
  const auto layers = layer_popularity(spec, 4, 1, 3, 1, 0);
  REQUIRE(layers[0][3] == Approx(0.5).epsilon(0.01));
  REQUIRE(layers[1][0] == Approx(0.5).epsilon(0.01));
  REQUIRE(layers[2] == layers[1]);
}

TEST_CASE(
    "recorded counts: latest step so far, else the earliest; unrecorded layers take the mean") {
  RoutingSpec spec = spec_of(RoutingKind::recorded);
  spec.recorded = {{0, 10, 0, 30}, {0, 10, 1, 10}, {0, 20, 0, 10},
                   {0, 20, 1, 30}, {2, 20, 0, 10}, {2, 20, 1, 10}};
  const auto at = [&](int step) { return layer_popularity(spec, 2, 1, 3, 1, step); };
  REQUIRE(at(5)[0][0] == Approx(0.75).epsilon(0.01));
  REQUIRE(at(15)[0][0] == Approx(0.75).epsilon(0.01));
  REQUIRE(at(20)[0][0] == Approx(0.25).epsilon(0.01));
  REQUIRE(at(99)[0][0] == Approx(0.25).epsilon(0.01));
  REQUIRE(at(99)[2][0] == Approx(0.5).epsilon(0.01));
  REQUIRE(at(99)[1][0] == Approx(0.375).epsilon(0.01));
}

TEST_CASE("an expert without load keeps a place in the race") {
  RoutingSpec spec = spec_of(RoutingKind::histogram);
  spec.histogram = {1, 0, 0, 0};
  const auto layers = layer_popularity(spec, 4, 2, 1, 1, 0);
  for (double weight : layers[0]) REQUIRE(weight > 0);
}

TEST_CASE(
    "drift is a random walk: increments of unit variance per step, independent of each other") {
  double first = 0, second = 0, product = 0;
  const int walks = 4000;
  for (int expert = 0; expert < walks; ++expert) {
    REQUIRE(random_walk(3, 0, expert, 0) == 0.0);
    const double a = random_walk(3, 0, expert, 40), b = random_walk(3, 0, expert, 100) - a;
    first += a * a / walks, second += b * b / walks, product += a * b / walks;
  }
  REQUIRE(first == Approx(40).epsilon(0.1));
  REQUIRE(second == Approx(60).epsilon(0.1));
  REQUIRE(std::abs(product) < 4 * std::sqrt(40.0 * 60.0 / walks));
}

TEST_CASE("drift moves popularity with the step and leaves step 0 alone") {
  RoutingSpec spec = spec_of(RoutingKind::zipf);
  const auto still = layer_popularity(spec, 64, 4, 1, 11, 0)[0];
  spec.drift = 0.01;
  REQUIRE(layer_popularity(spec, 64, 4, 1, 11, 0)[0] == still);
  const auto later = layer_popularity(spec, 64, 4, 1, 11, 100)[0];
  double spread = 0;
  for (int e = 0; e < 64; ++e) spread += std::pow(std::log(later[e] * 64), 2) / 64;
  REQUIRE(std::sqrt(spread) == Approx(0.1).epsilon(0.3));
}

namespace {

double picked(const std::vector<float>& rates) {
  double sum = 0;
  for (float rate : rates) sum += 1 - std::exp(-rate);
  return sum;
}

}  // namespace

TEST_CASE("disturbed rates keep their proportions and pick k experts again") {
  std::vector<float> rates(64, 0.133531f), factor(64), out;  // -log(1 - 8/64)
  for (int e = 0; e < 64; ++e) factor[e] = 0.01f * static_cast<float>(e * e + 1);
  disturb_rates(rates, factor, 8, out);
  REQUIRE(picked(out) == Approx(8).epsilon(2e-4));
  for (int e = 1; e < 64; ++e) REQUIRE(out[e] / out[0] == Approx(factor[e] / factor[0]));
  disturb_rates(rates, std::vector<float>(64, 1.0f), 8, out);
  REQUIRE(out[5] == Approx(rates[5]).epsilon(1e-3));
}

TEST_CASE("factors of a favoured group are amplified against the mean") {
  const std::vector<float> rates(8, 0.1f);
  std::vector<float> factor{2, 2, 1, 1, 1, 1, 0.5f, 1.5f};
  amplify_groups(rates, 2, 2.0, factor);
  REQUIRE(factor[0] == Approx(2 * 1.6));  // its mean of 2 is 1.6 times the mean of all, 1.25
  REQUIRE(factor[2] == Approx(0.8));
  REQUIRE(factor[6] / factor[7] == Approx(1.0 / 3));
}

TEST_CASE("disturbed rates end when every expert is picked anyway") {
  const std::vector<float> rates(4, 13.8f), factor{1, 2, 3, 4};
  std::vector<float> out;
  disturb_rates(rates, factor, 4, out);
  REQUIRE(picked(out) == Approx(4).epsilon(1e-3));
}

TEST_CASE(
    "jitter is log-normal and differs per microbatch, source factors last over microbatches") {
  RoutingSpec spec;
  std::vector<float> factor, other;
  fill_microbatch_factor(spec, 16, 1, 0, 0, 0, factor);
  REQUIRE(factor == std::vector<float>(16, 1.0f));
  spec.jitter = 0.3;
  fill_microbatch_factor(spec, 4000, 1, 0, 0, 0, factor);
  fill_microbatch_factor(spec, 4000, 1, 0, 1, 0, other);
  REQUIRE(factor != other);
  double squares = 0;
  for (float f : factor) squares += std::log(f) * std::log(f) / 4000;
  REQUIRE(std::sqrt(squares) == Approx(0.3).epsilon(0.05));
}

TEST_CASE("source factors mix one with an exponential") {
  RoutingSpec spec;
  spec.source_correlation = 0.25;
  std::vector<float> factor(4000, 1.0f), again(4000, 1.0f), other(4000, 1.0f);
  multiply_source_factor(spec, 1, 0, 0, 3, factor);
  multiply_source_factor(spec, 1, 0, 0, 3, again);
  multiply_source_factor(spec, 1, 0, 0, 4, other);
  REQUIRE(factor == again);
  REQUIRE(factor != other);
  double mean = 0, squares = 0;
  for (float f : factor) {
    REQUIRE(f >= 0.75f);
    mean += f / 4000, squares += f * f / 4000;
  }
  REQUIRE(mean == Approx(1).epsilon(0.02));
  REQUIRE(squares - mean * mean == Approx(0.0625).epsilon(0.15));
}

}  // namespace moesim
