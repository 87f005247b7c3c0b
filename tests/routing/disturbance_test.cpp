#include "routing/disturbance.hpp"

#include <cmath>

#include "catch.hpp"

namespace moesim {
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
