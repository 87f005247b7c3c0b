#include "routing/layer.hpp"

#include <cmath>
#include <numeric>

#include "catch.hpp"

namespace moesim {
namespace {

LayerRouting uniform_layer(const TokenRule& rule, int ranks, int ranks_per_node,
                           int tokens = 4096) {
  const std::vector<double> weights(rule.experts, 1.0 / rule.experts);
  const std::vector<int> choices = TokenSet(rule, tokens, 1).choices(weights);
  return make_layer_routing(rule, weights, expected_loads(rule, weights, choices), choices,
                            contiguous_placement(rule.experts, ranks), ranks_per_node);
}

double touched(const TargetSets& sets, double load, int set) {
  const double coincidence = sets.coincidence[set];
  return 1 - std::exp(coincidence * sets.slots_per_set * std::log1p(-load));
}

// P(none of `inside` experts among k distinct ones of `experts`), all equally likely.
double missed(int experts, int inside, int k) {
  double p = 1;
  for (int i = 0; i < k; ++i) p *= static_cast<double>(experts - inside - i) / (experts - i);
  return p;
}

}  // namespace

TEST_CASE("equally likely experts touch nodes and ranks as the hypergeometric says") {
  const LayerRouting layer = uniform_layer({128, 8, 1, 1}, 16, 8);
  REQUIRE(layer.nodes.count == 2);
  REQUIRE(layer.ranks.count == 16);
  REQUIRE(touched(layer.nodes, 8.0 / 128, 0) == Approx(1 - missed(128, 64, 8)).epsilon(0.005));
  REQUIRE(touched(layer.ranks, 8.0 / 128, 3) == Approx(1 - missed(128, 8, 8)).epsilon(0.005));
  REQUIRE(layer.group_variance.empty());
}

TEST_CASE("a single node and every-expert routing are touched by every token") {
  const LayerRouting one_node = uniform_layer({64, 4, 1, 1}, 8, 8);
  REQUIRE(touched(one_node.nodes, 4.0 / 64, 0) == Approx(1).epsilon(1e-6));
  const LayerRouting all = uniform_layer({8, 8, 1, 1}, 8, 4, 64);
  for (double load : all.loads) REQUIRE(load == 1.0);
}

// DeepSeek-V3: at most 4 of 8 groups, one group per node. Tokens hardly ever need fewer.
TEST_CASE("node limits bound the nodes of a token") {
  const LayerRouting layer = uniform_layer({256, 8, 8, 4}, 64, 8, 512);
  double nodes = 0;
  for (int node = 0; node < 8; ++node) nodes += touched(layer.nodes, 8.0 / 256, node);
  REQUIRE(nodes <= 4);
  REQUIRE(nodes > 3.9);
  REQUIRE(std::accumulate(layer.loads.begin(), layer.loads.end(), 0.0) == Approx(8));
  REQUIRE(layer.group_variance[0] > 1);
}

TEST_CASE("the last node may hold fewer ranks") {
  const LayerRouting layer = uniform_layer({60, 4, 1, 1}, 12, 8);
  REQUIRE(layer.nodes.count == 2);
  REQUIRE(layer.nodes.slots_per_set == 40);
}

TEST_CASE("replicas split the probability of their expert") {
  REQUIRE(slot_rate({0, 1, 2}, 0.5) == Approx(-std::log(0.75)));
  REQUIRE(std::isfinite(slot_rate({0, 0, 1}, 1.0)));
}

}  // namespace moesim
