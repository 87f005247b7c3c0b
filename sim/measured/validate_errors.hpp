// Errors of predictions against measurements, alone and over groups. It
// knows nothing of simulations.
#pragma once

#include <span>
#include <vector>

namespace moesim {

// predicted and measured in the unit of their metric; error_percent = 100 (predicted - measured) /
// measured. speed_ratio compares speeds whatever the metric is: 1.1 means the simulation is 10 %
// too fast.
struct PredictionError {
  double error_percent = 0;
  double speed_ratio = 1;
  double predicted_speed = 0, measured_speed = 0;  // tokens/s per device
};

struct ErrorSummary {
  size_t rows = 0;
  double median_abs_error_percent = 0, p90_abs_error_percent = 0, max_abs_error_percent = 0;
  double median_speed_error_percent = 0;  // signed: above 0 the simulation is too fast
  double within_20_percent = 0;           // fraction of the rows
  double spearman = 0;                    // of speeds
};

ErrorSummary summarize_errors(std::span<const PredictionError> errors);

}  // namespace moesim
