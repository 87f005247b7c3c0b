// What a handful of measurements of the same thing say: location, spread, and how sure the mean is.
#pragma once

#include <cstddef>
#include <span>

#include "metrics/figures.hpp"

namespace moesim {

struct Distribution {
  size_t count = 0;
  double mean = 0;
  double standard_deviation = 0;  // of the sample, n - 1
  double minimum = 0, p50 = 0, p95 = 0, p99 = 0, maximum = 0;
  double ci95_low = 0, ci95_high = 0;  // of the mean; Student's t. Equal to the mean for one sample
};

// Percentiles interpolate linearly between order statistics: with fewer than 100 samples p99 is
// near the maximum.
Distribution distribution_of(std::span<const double> samples);

// The 97.5 % quantile of Student's t distribution.
double student_t_975(size_t degrees_of_freedom);

// The figures without the count.
void visit(FigureVisitor& v, Distribution& distribution);

}  // namespace moesim
