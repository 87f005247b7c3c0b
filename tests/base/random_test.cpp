#include "base/random.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "catch.hpp"

using moesim::mix64;
using moesim::Random;

namespace {

constexpr int draws = 200'000;

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments_of(const std::function<double()>& draw) {
  double sum = 0, squares = 0;
  for (int i = 0; i < draws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / draws;
  return {mean, squares / draws - mean * mean};
}

// Five standard errors of the mean of `draws` values: no correct generator leaves that, whatever
// the seed we chose.
double mean_margin(double variance) { return 5 * std::sqrt(variance / draws); }

}  // namespace

TEST_CASE("the mixer is SplitMix64's") {
  // First outputs for seed 0 of the reference implementation, https://prng.di.unimi.it/splitmix64.c
  CHECK(mix64(0) == 0xe220a8397b1dcdafULL);
  CHECK(mix64(0x9e3779b97f4a7c15ULL) == 0x6e789e6aa1b965f4ULL);
  CHECK(mix64(2 * 0x9e3779b97f4a7c15ULL) == 0x06c45d188009454fULL);
}

TEST_CASE("a stream is a function of its seed and coordinates alone") {
  Random first(7, {1, 2, 3}), again(7, {1, 2, 3}), interleaved(7, {1, 2, 4});
  for (int i = 0; i < 1000; ++i) {
    interleaved.normal();
    REQUIRE(first.next() == again.next());
  }
  // A change of these changes the results of every seed.
  Random pinned(1, {2, 3});
  CHECK(pinned.next() == 0xa436d39d9812b978ULL);
  CHECK(pinned.next() == 0x6ef02e604456d78eULL);
}

TEST_CASE("streams that differ in any coordinate, or in their order, differ") {
  std::set<uint64_t> firsts;
  int streams = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (uint64_t layer = 0; layer < 30; ++layer) {
      for (uint64_t microbatch = 0; microbatch < 30; ++microbatch) {
        firsts.insert(Random(seed, {layer, microbatch}).next());
        ++streams;
      }
    }
  }
  CHECK(firsts.size() == static_cast<size_t>(streams));
  CHECK(Random(1, {}).next() != Random(1, {0}).next());
  CHECK(Random(1, {0}).next() != Random(1, {0, 0}).next());
}

TEST_CASE("neighbouring streams are not correlated") {
  double sum = 0;
  for (uint64_t i = 0; i < draws; ++i) {
    sum += (Random(3, {i}).uniform() - 0.5) * (Random(3, {i + 1}).uniform() - 0.5);
  }
  // The product of two centred uniforms has variance 1/144.
  CHECK(std::abs(sum / draws) < mean_margin(1.0 / 144));
}

TEST_CASE("uniform numbers") {
  Random random(11, {1});
  std::vector<int> bins(16);
  double least = 1, most = 0;
  const Moments moments = moments_of([&] {
    const double x = random.uniform();
    least = std::min(least, x);
    most = std::max(most, x);
    ++bins[static_cast<size_t>(x * 16)];
    return x;
  });
  CHECK(least >= 0);
  CHECK(most < 1);
  CHECK(std::abs(moments.mean - 0.5) < mean_margin(1.0 / 12));
  CHECK(moments.variance == Approx(1.0 / 12).epsilon(0.01));
  double chi_squared = 0;
  for (const int count : bins) chi_squared += std::pow(count - draws / 16.0, 2) / (draws / 16.0);
  CHECK(chi_squared < 44.3);  // 15 degrees of freedom, probability 1e-4
}

TEST_CASE("normal numbers") {
  Random random(11, {2});
  double third = 0, fourth = 0;
  const Moments moments = moments_of([&] {
    const double x = random.normal();
    third += x * x * x / draws;
    fourth += x * x * x * x / draws;
    return x;
  });
  CHECK(std::abs(moments.mean) < mean_margin(1));
  CHECK(moments.variance == Approx(1).epsilon(0.02));
  CHECK(std::abs(third) < mean_margin(15));  // the sixth moment is 15
  CHECK(fourth == Approx(3).epsilon(0.05));
}

TEST_CASE("gamma numbers have mean and variance equal to their shape") {
  for (const double shape : {0.1, 0.5, 1.0, 2.5, 50.0}) {
    Random random(11, {3});
    double least = 1;
    const Moments moments = moments_of([&] {
      const double x = random.gamma(shape);
      least = std::min(least, x);
      return x;
    });
    CAPTURE(shape);
    CHECK(least >= 0);
    CHECK(std::abs(moments.mean - shape) < mean_margin(shape));
    CHECK(moments.variance == Approx(shape).epsilon(0.05));
  }
}
