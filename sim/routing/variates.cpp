#include "routing/variates.hpp"

#include <cmath>
#include <numbers>

namespace moesim {
namespace {

double density(double z) { return std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi); }

double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::numbers::sqrt2) < p ? low : high) = middle;
  }
  return low;
}

VariateTable make_normal_table() {
  std::array<double, variate_table_size> cell{};
  double below = 0, squares = 0;  // density at the lower quantile of the cell
  for (int i = 0; i < variate_table_size; ++i) {
    const bool last = i + 1 == variate_table_size;
    const double above = last ? 0 : density(normal_quantile((i + 1.0) / variate_table_size));
    cell[i] = (below - above) *
              variate_table_size;  // integral of z density(z) over the cell, over its mass
    squares += cell[i] * cell[i];
    below = above;
  }
  VariateTable table;
  const double scale = std::sqrt(variate_table_size / squares);
  for (int i = 0; i < variate_table_size; ++i) table[i] = static_cast<float>(cell[i] * scale);
  return table;
}

VariateTable make_exponential_table() {
  VariateTable table;
  // Integral of x e^-x is -(x + 1) e^-x; in terms of the survival probability s = e^-x.
  const auto tail = [](double survival) {
    return survival > 0 ? (1 - std::log(survival)) * survival : 0;
  };
  for (int i = 0; i < variate_table_size; ++i) {
    const double from = 1 - static_cast<double>(i) / variate_table_size;
    table[i] = static_cast<float>((tail(from) - tail(from - 1.0 / variate_table_size)) *
                                  variate_table_size);
  }
  return table;
}

}  // namespace

const VariateTable& normal_table() {
  static const VariateTable table = make_normal_table();
  return table;
}

const VariateTable& exponential_table() {
  static const VariateTable table = make_exponential_table();
  return table;
}

int small_binomial(Random& random, int64_t trials, double p, double none) {
  double left = random.uniform(), mass = none;
  const double odds = p / (1 - p);
  int successes = 0;
  while (left >= mass && successes < trials) {
    left -= mass;
    mass *= odds * static_cast<double>(trials - successes) / (successes + 1);
    ++successes;
    if (mass < 1e-12 && successes > static_cast<double>(trials) * p) break;
  }
  return successes;
}

}  // namespace moesim
