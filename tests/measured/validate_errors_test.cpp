#include "measured/validate_errors.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("Error summary: absolute errors, signed speed") {
  const std::vector<PredictionError> errors{
      {10, 1.1, 110, 100}, {-30, 0.7, 140, 200}, {50, 1 / 1.5, 200, 300}};
  const ErrorSummary summary = summarize_errors(errors);
  CHECK(summary.rows == 3);
  CHECK(summary.median_abs_error_percent == 30);
  CHECK(summary.max_abs_error_percent == 50);
  CHECK(summary.p90_abs_error_percent == Approx(46));
  CHECK(summary.median_speed_error_percent == Approx(-30));
  CHECK(summary.within_20_percent == Approx(1.0 / 3));
  CHECK(summary.spearman == Approx(1));
}
