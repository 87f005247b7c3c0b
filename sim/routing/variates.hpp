// Cheap variates for inner loops: quantile tables indexed with 12 bits, four values from one 64-bit
// hash.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/random.hpp"

namespace moesim {

constexpr int variate_table_size = 4096;
using VariateTable = std::array<float, variate_table_size>;

// Cell i holds the mean of the distribution between its quantiles i/4096 and (i+1)/4096, so that
// the mean is exact; both are scaled to variance (normal) and mean (exponential) one. The normal
// reaches +-3.8.
const VariateTable& normal_table();
const VariateTable& exponential_table();

// Value `lane` (0..3) of a hash.
inline float variate(const VariateTable& table, uint64_t hash, int lane) {
  return table[(hash >> (16 * lane)) & (variate_table_size - 1)];
}

// Number of successes in `trials` of probability p, by inversion; meant for a mean below about 20.
// `none` = (1-p)^trials.
int small_binomial(Random& random, int64_t trials, double p, double none);

// exp(-x) for x >= 0 within 1e-5 relative, in a form that compilers vectorise; 0 beyond x = 87.
inline float exp_of_minus(float x) {
  const float power =
      (x < 87.0f ? x : 87.0f) * -1.44269504f;  // exp(-x) = 2^power = 2^whole * 2^part
  const int whole = static_cast<int>(power) - 1;
  const float part = power - static_cast<float>(whole);  // in (0, 1]
  // Degree-5 Taylor polynomial of 2^part about 1/2.
  const float d = (part - 0.5f) * 0.69314718f;
  const float series =
      1.0f + d * (1.0f + d * (0.5f + d * (1.0f / 6 + d * (1.0f / 24 + d * (1.0f / 120)))));
  return 1.41421356f * series * std::bit_cast<float>((whole + 127) << 23);
}

}  // namespace moesim
