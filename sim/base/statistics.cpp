#include "base/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/statistics/bivariate_statistics.hpp>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>
#include <limits>
#include <numeric>

namespace moesim {

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr double kTwoSided95 = 0.975;

double quantile_of_sorted(std::span<const double> sorted, double fraction) {
  const double at = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return ranks;
}

bool constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
}

}  // namespace

double quantile(std::vector<double> values, double fraction) {
  if (values.empty()) return kNothing;
  std::sort(values.begin(), values.end());
  return quantile_of_sorted(values, fraction);
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double spearman(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || a.size() != b.size() || constant(a) || constant(b)) return kNothing;
  return boost::math::statistics::correlation_coefficient(ranks_of(a), ranks_of(b));
}

Distribution distribution_of(std::span<const double> samples) {
  Distribution d;
  d.count = samples.size();
  if (samples.empty()) return d;
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  d.mean = boost::math::statistics::mean(sorted);
  d.minimum = sorted.front();
  d.maximum = sorted.back();
  d.p50 = quantile_of_sorted(sorted, 0.5);
  d.p95 = quantile_of_sorted(sorted, 0.95);
  d.p99 = quantile_of_sorted(sorted, 0.99);
  double half = 0;
  if (sorted.size() > 1) {
    d.standard_deviation = std::sqrt(boost::math::statistics::sample_variance(sorted));
    half = boost::math::quantile(boost::math::students_t(n - 1), kTwoSided95) *
           d.standard_deviation / std::sqrt(n);
  }
  d.ci95_low = d.mean - half;
  d.ci95_high = d.mean + half;
  return d;
}

}  // namespace moesim
