// Counter-based random numbers: a value is a pure function of (seed, coordinates), so a result
// never depends on the order in which the simulator happens to ask, nor on how many numbers
// somebody else drew before.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>

namespace moesim {

// SplitMix64's finaliser (Steele, Lea, Flood 2014): a bijection on 64 bits with full avalanche.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// One stream of numbers, keyed by where it is used (layer, microbatch, rank, ...).
class Random {
 public:
  Random(uint64_t seed, std::initializer_list<uint64_t> coordinates) : state_(mix64(seed)) {
    // Seed and coordinates must not enter alike: mix64(a) ^ mix64(b) would be the same for (a, b)
    // and (b, a), and 0 for all equal pairs. The odd factor is a 64-bit LCG multiplier of Steele
    // and Vigna 2021.
    for (uint64_t coordinate : coordinates)
      state_ = mix64(state_ ^ coordinate * 0xd1342543de82ef95ULL);
  }

  uint64_t next() { return mix64(state_ + 0x632be59bd9b4e019ULL * ++counter_); }
  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Standard normal, Box-Muller (both values of a pair are used).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  // Gamma with the given shape and scale 1 (Marsaglia and Tsang 2000).
  double gamma(double shape) {
    if (shape < 1) return gamma(shape + 1) * std::pow(1 - uniform(), 1 / shape);
    const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    while (true) {
      const double x = normal(), root = 1 + c * x;
      if (root <= 0) continue;
      const double v = root * root * root;
      if (std::log(1 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
  }

 private:
  uint64_t state_;
  uint64_t counter_ = 0;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace moesim
