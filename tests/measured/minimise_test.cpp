#include "measured/minimise.hpp"

#include <cmath>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("Pattern search finds a minimum with a kink, and keeps to the bounds") {
  const auto loss = [](const std::vector<double>& at) {
    return std::abs(at[0] - 3) + std::abs(std::log(at[1] / 0.2));
  };
  const auto found = minimise(loss, {1, 1}, {{0.1, 10}, {0.01, 10}}, 2, 1);
  CHECK(found[0] == Approx(3).epsilon(0.01));
  CHECK(found[1] == Approx(0.2).epsilon(0.01));
  CHECK(minimise(loss, {1, 1}, {{0.1, 2}, {0.5, 10}}, 2, 1) == std::vector<double>{2, 0.5});
  CHECK(minimise(loss, {1, 1}, {{0.1, 10}, {0.01, 10}}, 2, 1) == found);
}
