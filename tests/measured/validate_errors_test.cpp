#include "measured/validate_errors.hpp"

#include <cmath>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("Quantile: between the two nearest ranks") {
  CHECK(quantile({3, 1, 2}, 0.5) == 2);
  CHECK(quantile({1, 2, 3, 4}, 0.5) == 2.5);
  CHECK(quantile({0, 10}, 0.9) == 9);
  CHECK(quantile({5}, 0.9) == 5);
  CHECK(quantile({1, 7, 3}, 1) == 7);
  CHECK(std::isnan(quantile({}, 0.5)));
}

TEST_CASE("Spearman: ranks alone count, ties share theirs") {
  const std::vector<double> a{1, 2, 3, 4}, grown{1, 10, 100, 1000}, reversed{4, 3, 2, 1},
      tied{1, 1, 2, 2};
  CHECK(spearman(a, grown) == Approx(1));
  CHECK(spearman(a, reversed) == Approx(-1));
  CHECK(spearman(a, tied) == Approx(std::sqrt(0.8)));
  CHECK(std::isnan(spearman(a, std::vector<double>{2, 2, 2, 2})));
  CHECK(std::isnan(spearman(std::vector<double>{1}, std::vector<double>{1})));
}

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
