#include "measured/validate_errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/statistics.hpp"

namespace moesim {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

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
  summary.median_abs_error_percent = median(absolute);
  summary.p90_abs_error_percent = quantile(absolute, 0.9);
  summary.max_abs_error_percent = quantile(absolute, 1);
  summary.median_speed_error_percent = median(speed);
  const auto within =
      std::count_if(absolute.begin(), absolute.end(), [](double error) { return error <= 20; });
  summary.within_20_percent =
      errors.empty() ? kNothing : static_cast<double>(within) / static_cast<double>(errors.size());
  summary.spearman = spearman(predicted, measured);
  return summary;
}

}  // namespace moesim
