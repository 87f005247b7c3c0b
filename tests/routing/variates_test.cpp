#include "routing/variates.hpp"

#include <cmath>

#include "catch.hpp"

namespace moesim {

TEST_CASE("the normal table has the moments and tails of a normal") {
  double sum = 0, squares = 0, fourth = 0;
  for (float z : normal_table()) sum += z, squares += z * z, fourth += std::pow(z, 4);
  REQUIRE(std::abs(sum / variate_table_size) < 1e-5);
  REQUIRE(squares / variate_table_size == Approx(1).epsilon(1e-5));
  REQUIRE(fourth / variate_table_size == Approx(3).epsilon(0.01));
  REQUIRE(normal_table().back() > 3.7f);
  REQUIRE(normal_table()[variate_table_size / 2] == Approx(0).margin(1e-3));
}

TEST_CASE("the exponential table has mean one and nearly variance one") {
  double sum = 0, squares = 0;
  for (float x : exponential_table()) sum += x, squares += x * x;
  REQUIRE(sum / variate_table_size == Approx(1).epsilon(1e-5));
  REQUIRE(squares / variate_table_size == Approx(2).epsilon(0.005));
}

TEST_CASE("the fast exponential keeps to 1e-5") {
  for (float x = 0; x < 80; x += 0.0137f)
    REQUIRE(exp_of_minus(x) == Approx(std::exp(-x)).epsilon(1e-5));
  REQUIRE(exp_of_minus(0) == Approx(1).epsilon(1e-5));
  REQUIRE(exp_of_minus(1000) < 1e-37f);
}

TEST_CASE("small binomials have their mean and variance") {
  Random random(1, {1});
  for (const auto& [trials, p] : {std::pair{1000, 0.003}, {20, 0.3}, {4096, 0.0}, {5, 0.5}}) {
    double sum = 0, squares = 0;
    const double none = std::pow(1 - p, trials);
    for (int i = 0; i < 20000; ++i) {
      const int drawn = small_binomial(random, trials, p, none);
      REQUIRE(drawn <= trials);
      sum += drawn, squares += drawn * drawn;
    }
    const double mean = sum / 20000, variance = squares / 20000 - mean * mean;
    REQUIRE(mean == Approx(trials * p).epsilon(0.02));
    REQUIRE(variance == Approx(trials * p * (1 - p)).epsilon(0.05));
  }
}

}  // namespace moesim
