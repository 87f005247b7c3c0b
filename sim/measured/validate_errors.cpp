#include "measured/validate_errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moesim {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

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

}  // namespace

double quantile(std::vector<double> values, double fraction) {
  if (values.empty()) return kNothing;
  std::sort(values.begin(), values.end());
  const double at = fraction * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

double spearman(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || a.size() != b.size()) return kNothing;
  const std::vector<double> ra = ranks_of(a), rb = ranks_of(b);
  const double mean = static_cast<double>(a.size() - 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < ra.size(); ++i) {
    ab += (ra[i] - mean) * (rb[i] - mean);
    aa += (ra[i] - mean) * (ra[i] - mean);
    bb += (rb[i] - mean) * (rb[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : kNothing;
}

ErrorSummary summarize_errors(std::span<const PredictionError> errors) {
  std::vector<double> absolute, speed, predicted, measured;
  for (const PredictionError& error : errors) {
    absolute.push_back(std::abs(error.error_percent));
    speed.push_back(100 * (error.speed_ratio - 1));
    predicted.push_back(error.predicted_speed);
    measured.push_back(error.measured_speed);
  }
  ErrorSummary summary;
  summary.rows = errors.size();
  summary.median_abs_error_percent = quantile(absolute, 0.5);
  summary.p90_abs_error_percent = quantile(absolute, 0.9);
  summary.max_abs_error_percent = quantile(absolute, 1);
  summary.median_speed_error_percent = quantile(speed, 0.5);
  const auto within =
      std::count_if(absolute.begin(), absolute.end(), [](double error) { return error <= 20; });
  summary.within_20_percent =
      errors.empty() ? kNothing : static_cast<double>(within) / static_cast<double>(errors.size());
  summary.spearman = spearman(predicted, measured);
  return summary;
}

}  // namespace moesim
