#include "routing/inclusion.hpp"

#include <cmath>
#include <numeric>

#include "catch.hpp"

namespace moesim {

TEST_CASE("inclusion probabilities of equal weights are k / experts") {
  for (double p : inclusion_probabilities(std::vector<double>(256, 0.5), 8))
    REQUIRE(p == Approx(8.0 / 256));
  for (double p : inclusion_probabilities(std::vector<double>(4, 1.0), 4)) REQUIRE(p == 1.0);
}

TEST_CASE("inclusion in a top-1 race is the weight's share") {
  const std::vector<double> weights{0.5, 0.2, 0.2, 0.1};
  const std::vector<double> picked = inclusion_probabilities(weights, 1);
  for (size_t e = 0; e < weights.size(); ++e)
    REQUIRE(picked[e] == Approx(weights[e]).epsilon(2e-4));
}

// P(e first) + sum over f of P(f first) P(e first without f).
TEST_CASE("inclusion in a top-2 race is the sum over both orders") {
  const std::vector<double> weights{8, 4, 2, 1, 0.01};
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const std::vector<double> picked = inclusion_probabilities(weights, 2);
  for (size_t e = 0; e < weights.size(); ++e) {
    double expected = weights[e] / total;
    for (size_t f = 0; f < weights.size(); ++f) {
      if (f != e) expected += weights[f] / total * weights[e] / (total - weights[f]);
    }
    REQUIRE(picked[e] == Approx(expected).epsilon(5e-4));
  }
}

TEST_CASE("inclusion survives weights many orders apart") {
  std::vector<double> weights(32, 1e-9);
  weights[3] = weights[7] = 1;
  const std::vector<double> picked = inclusion_probabilities(weights, 8);
  REQUIRE(std::accumulate(picked.begin(), picked.end(), 0.0) == Approx(8).epsilon(1e-3));
  REQUIRE(picked[3] == Approx(1).epsilon(1e-3));
  REQUIRE(picked[0] == Approx(6.0 / 30).epsilon(5e-3));
}

TEST_CASE("capped probabilities follow loads up to one expert per token") {
  const std::vector<double> even = capped_probabilities(std::vector<double>{1, 2, 3, 2}, 2);
  REQUIRE(even[2] == Approx(0.75));
  const std::vector<double> capped = capped_probabilities(std::vector<double>{90, 4, 4, 2}, 2);
  REQUIRE(capped[0] == Approx(0.999));
  REQUIRE(capped[1] == Approx(1.001 * 0.4));
  REQUIRE(std::accumulate(capped.begin(), capped.end(), 0.0) == Approx(2));
}

TEST_CASE("weights are found that are picked as often as asked for") {
  std::vector<double> loads;
  for (int r = 1; r <= 64; ++r) loads.push_back(1.0 / r);
  for (int k : {1, 2, 8}) {
    const std::vector<double> wanted = capped_probabilities(loads, k);
    const std::vector<double> picked = inclusion_probabilities(weights_of_inclusion(wanted, k), k);
    for (size_t e = 0; e < loads.size(); ++e)
      REQUIRE(picked[e] == Approx(wanted[e]).epsilon(0.015));
  }
}

TEST_CASE("as many arrivals as asked for are expected by the race time") {
  const std::vector<double> weights{1, 2, 3, 4};
  const double time = expected_race_time(weights, 3);
  double sum = 0;
  for (double weight : weights) sum += 1 - std::exp(-time * weight);
  REQUIRE(sum == Approx(3));
}

}  // namespace moesim
