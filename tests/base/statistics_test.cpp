#include "base/statistics.hpp"

#include <cmath>
#include <numeric>
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

// The half width of the interval is t * s / sqrt(n); t from tables of Student's distribution.
TEST_CASE("the interval of the mean uses Student's t") {
  for (const auto& [count, t] : {std::pair(2, 12.7062), {3, 4.3027}, {4, 3.1824}, {11, 2.2281}}) {
    std::vector<double> samples(count);
    std::iota(samples.begin(), samples.end(), 1.0);
    const Distribution d = distribution_of(samples);
    CHECK(d.ci95_high - d.mean ==
          Approx(t * d.standard_deviation / std::sqrt(count)).epsilon(1e-4));
  }
}

TEST_CASE("Quantile: between the two nearest ranks") {
  CHECK(median({1, 2, 3, 4}) == 2.5);
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
