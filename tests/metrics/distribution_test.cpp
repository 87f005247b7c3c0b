#include "metrics/distribution.hpp"

#include <vector>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("location and spread of a known sample") {
  const std::vector<double> samples = {5, 1, 4, 2, 3};
  const Distribution d = distribution_of(samples);
  CHECK(d.count == 5);
  CHECK(d.mean == Approx(3));
  CHECK(d.standard_deviation == Approx(std::sqrt(2.5)));
  CHECK(d.minimum == 1);
  CHECK(d.p50 == 3);
  CHECK(d.p95 == Approx(4.8));
  CHECK(d.p99 == Approx(4.96));
  CHECK(d.maximum == 5);
  // t(4) = 2.776
  CHECK(d.ci95_high - d.mean == Approx(2.776 * std::sqrt(2.5 / 5)).epsilon(1e-3));
  CHECK(d.mean - d.ci95_low == Approx(d.ci95_high - d.mean));
}

TEST_CASE("one sample says nothing of the spread, none says nothing") {
  const std::vector<double> one = {7};
  const Distribution d = distribution_of(one);
  CHECK(d.mean == 7);
  CHECK(d.p99 == 7);
  CHECK(d.standard_deviation == 0);
  CHECK(d.ci95_low == 7);
  CHECK(d.ci95_high == 7);
  CHECK(distribution_of({}).count == 0);
}

TEST_CASE("Student's t against tables") {
  CHECK(student_t_975(1) == Approx(12.706).epsilon(1e-4));
  CHECK(student_t_975(2) == Approx(4.303).epsilon(1e-4));
  CHECK(student_t_975(3) == Approx(3.182).epsilon(2e-3));
  CHECK(student_t_975(5) == Approx(2.571).epsilon(1e-3));
  CHECK(student_t_975(10) == Approx(2.228).epsilon(1e-3));
  CHECK(student_t_975(30) == Approx(2.042).epsilon(1e-3));
  CHECK(student_t_975(1000) == Approx(1.962).epsilon(1e-3));
}
