// Smallest value of a function of a few positive constants by pattern search: robust against kinks
// and outliers, needs no derivatives. The same start and seed give the same result.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace moesim {

struct Bounds {
  double least = 0, most = 0;
};

// Pattern search (Hooke and Jeeves 1961) over logarithms, with random directions beside the axes,
// since an absolute error has kinks that no axis leads out of; the best of `starts` descents from
// around `start`.
std::vector<double> minimise(const std::function<double(const std::vector<double>&)>& loss,
                             const std::vector<double>& start, const std::vector<Bounds>& bounds,
                             int starts, uint64_t seed);

}  // namespace moesim
