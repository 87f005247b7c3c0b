// Says what samples tell: location, spread, how sure the mean is, and how two series go together.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace moesim {

// Returns the value at `fraction` (in [0, 1]) of the sorted values, linear between the two nearest
// order statistics (as numpy.percentile does); NaN for no values.
double quantile(std::vector<double> values, double fraction);
double median(std::vector<double> values);

// Rank correlation; equal values share their mean rank. NaN for fewer than two pairs, or when
// either side is constant.
double spearman(std::span<const double> a, std::span<const double> b);

struct Distribution {
  size_t count = 0;
  double mean = 0;
  double standard_deviation = 0;  // of the sample, n - 1
  double minimum = 0, p50 = 0, p95 = 0, p99 = 0, maximum = 0;
  double ci95_low = 0, ci95_high = 0;  // of the mean; Student's t. Equal to the mean for one sample
};

// All zeros for no samples. With fewer than 100 samples p99 is near the maximum.
Distribution distribution_of(std::span<const double> samples);

}  // namespace moesim
