#include "routing/row.hpp"

#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "routing/inclusion.hpp"

namespace moesim {
namespace {

struct Drawer {
  TokenRule rule;
  int64_t tokens;
  LayerRouting layer;
  RowModel model;
  std::vector<float> scratch;
  std::vector<int32_t> counts;

  Drawer(TokenRule r, int64_t n, std::vector<double> weights)
      : rule(r), tokens(n), counts(r.experts) {
    const std::vector<int> choices = TokenSet(rule, 1024, 1).choices(weights);
    std::vector<double> loads = expected_loads(rule, weights, choices);
    layer = make_layer_routing(rule, std::move(weights), std::move(loads), choices,
                               contiguous_placement(rule.experts, 1), 1);
    std::vector<float> rates;
    for (double load : layer.loads) rates.push_back(static_cast<float>(slot_rate({0, 0, 1}, load)));
    build_row_model(rule, layer, tokens, rates, model);
  }
  void draw(uint64_t key) {
    Random random(17, {key});
    draw_row(rule, model, tokens, random, counts, scratch);
  }
};

std::vector<double> zipf_weights(int experts, double exponent) {
  std::vector<double> weights;
  for (int r = 1; r <= experts; ++r) weights.push_back(std::pow(r, -exponent));
  return weights;
}

}  // namespace

TEST_CASE("every row adds up to tokens times top-k with no count out of range") {
  const TokenRule rules[] = {{8, 2, 1, 1},   {8, 8, 1, 1},  {7, 3, 1, 1},
                             {256, 8, 8, 4}, {64, 1, 1, 1}, {16, 6, 4, 2}};
  for (const TokenRule& rule : rules) {
    for (double exponent : {0.0, 1.0, 3.0}) {
      for (int64_t tokens : {0, 1, 2, 5, 100, 4096, 1 << 20}) {
        Drawer drawer(rule, tokens, zipf_weights(rule.experts, exponent));
        for (uint64_t key = 0; key < 5; ++key) {
          drawer.draw(key);
          for (int32_t count : drawer.counts) {
            REQUIRE(count >= 0);
            REQUIRE(count <= tokens);
          }
          REQUIRE(std::accumulate(drawer.counts.begin(), drawer.counts.end(), int64_t{0}) ==
                  tokens * rule.top_k);
        }
      }
    }
  }
}

TEST_CASE("counts have the mean and variance of a binomial, scarce experts included") {
  for (int64_t tokens : {64, 4096}) {
    Drawer drawer({64, 4, 1, 1}, tokens, zipf_weights(64, 1.5));
    const int rows = 20000;
    std::vector<double> sum(64, 0.0), squares(64, 0.0);
    for (int row = 0; row < rows; ++row) {
      drawer.draw(row);
      for (int e = 0; e < 64; ++e) {
        sum[e] += drawer.counts[e];
        squares[e] += static_cast<double>(drawer.counts[e]) * drawer.counts[e];
      }
    }
    for (int e = 0; e < 64; ++e) {
      const double load = drawer.layer.loads[e], n = static_cast<double>(tokens);
      const double mean = sum[e] / rows, variance = squares[e] / rows - mean * mean;
      INFO("expert " << e << " of load " << load << ", " << tokens << " tokens");
      REQUIRE(mean == Approx(n * load).epsilon(0.01).margin(0.05));
      REQUIRE(variance == Approx(n * load * (1 - load)).epsilon(0.08).margin(0.25));
    }
  }
}

// Chi-square of many rows against the expected loads: sum over e of (count - mean)^2 / variance has
// mean experts - 1.
TEST_CASE("drawn rows pass a chi-square test against the requested popularity") {
  Drawer drawer({128, 8, 1, 1}, 4096, zipf_weights(128, 0.7));
  const int rows = 400;
  std::vector<double> sum(128, 0.0);
  for (int row = 0; row < rows; ++row) {
    drawer.draw(row);
    for (int e = 0; e < 128; ++e) sum[e] += drawer.counts[e];
  }
  double chi_square = 0;
  for (int e = 0; e < 128; ++e) {
    const double load = drawer.layer.loads[e], n = 4096.0 * rows;
    chi_square += std::pow(sum[e] - n * load, 2) / (n * load * (1 - load));
  }
  REQUIRE(chi_square < 127 + 4 * std::sqrt(2 * 127.0));
  REQUIRE(chi_square > 127 - 4 * std::sqrt(2 * 127.0));
}

}  // namespace moesim
