// The aggregated sampler against its oracle, token by token.
#include <cmath>
#include <string>

#include "catch.hpp"
#include "routing/routing.hpp"

namespace moesim {
namespace {

struct Moments {
  std::vector<double> expert, rank, node,
      variance;  // per source and token; variance of a count per token
  double same_group_covariance = 0;
};

using Sampler = void (*)(const Router&, int, RoutedTokens&);
void draw_counts(const Router& router, int microbatch, RoutedTokens& out) {
  router.sample(0, microbatch, 0, out);
}
void draw_tokens(const Router& router, int microbatch, RoutedTokens& out) {
  sample_tokens_exactly(router, 0, microbatch, 0, out);
}

Moments moments_of(const Router& router, Sampler sampler, int microbatches) {
  const RoutingShape& shape = router.shape();
  Moments m{std::vector<double>(shape.experts), std::vector<double>(shape.ranks),
            std::vector<double>(shape.nodes()), std::vector<double>(shape.experts), 0};
  std::vector<double> squares(shape.experts);
  const int half = shape.experts / shape.n_group / 2;
  double first_half = 0, second_half = 0, product = 0;
  RoutedTokens tokens;
  for (int microbatch = 0; microbatch < microbatches; ++microbatch) {
    sampler(router, microbatch, tokens);
    for (int source = 0; source < shape.sources; ++source) {
      double a = 0, b = 0;
      for (int e = 0; e < shape.experts; ++e) {
        const double count = tokens.counts[source * shape.experts + e];
        m.expert[e] += count;
        squares[e] += count * count;
        if (e < 2 * half) (e < half ? a : b) += count;
      }
      first_half += a, second_half += b, product += a * b;
      for (int r = 0; r < shape.ranks; ++r)
        m.rank[r] += tokens.rank_tokens[source * shape.ranks + r];
      for (int n = 0; n < shape.nodes(); ++n)
        m.node[n] += tokens.node_tokens[source * shape.nodes() + n];
    }
  }
  const double rows = microbatches * shape.sources,
               tokens_each = static_cast<double>(shape.tokens_per_source);
  const double all = rows * tokens_each;
  for (int e = 0; e < shape.experts; ++e) {
    m.variance[e] = (squares[e] / rows - m.expert[e] / rows * m.expert[e] / rows) / tokens_each;
    m.expert[e] /= all;
  }
  for (double& r : m.rank) r /= all;
  for (double& n : m.node) n /= all;
  m.same_group_covariance = (product / rows - first_half / rows * second_half / rows) / tokens_each;
  return m;
}

// Within `share` of the oracle, or within 4.5 standard errors of a share of so many tokens.
void require_close(const std::vector<double>& drawn, const std::vector<double>& exact, double share,
                   double tokens) {
  REQUIRE(drawn.size() == exact.size());
  for (size_t i = 0; i < drawn.size(); ++i) {
    INFO("entry " << i << ": " << drawn[i] << " drawn, " << exact[i] << " exactly");
    REQUIRE(std::abs(drawn[i] - exact[i]) <=
            share * exact[i] + 4.5 * std::sqrt(2 * exact[i] / tokens));
  }
}

struct Case {
  std::string name;
  RoutingKind kind;
  double parameter;
  int experts, top_k, n_group, topk_group;
  int ranks, ranks_per_node;
  double tolerance;  // of means: race split, coincidence and 4,096 calibration tokens
};

RoutingSpec spec_of(const Case& c) {
  RoutingSpec spec;
  spec.kind = c.kind;
  spec.exponent = spec.concentration = c.parameter;
  for (int e = 0; e < c.experts; ++e) spec.histogram.push_back(1 + e % 5);
  return spec;
}

const std::vector<Case> cases = {
    {"uniform, Mixtral", RoutingKind::uniform, 0, 8, 2, 1, 1, 8, 4, 0.01},
    {"uniform, top-1", RoutingKind::uniform, 0, 16, 1, 1, 1, 8, 4, 0.01},
    {"uniform, Qwen3", RoutingKind::uniform, 0, 128, 8, 1, 1, 16, 8, 0.01},
    {"uniform, DeepSeek-V3", RoutingKind::uniform, 0, 256, 8, 8, 4, 64, 8, 0.01},
    {"Zipf 1, Mixtral", RoutingKind::zipf, 1.0, 8, 2, 1, 1, 8, 4, 0.04},
    {"Zipf 1, Qwen3", RoutingKind::zipf, 1.0, 128, 8, 1, 1, 16, 8, 0.02},
    {"Zipf 0.7, DeepSeek-V3", RoutingKind::zipf, 0.7, 256, 8, 8, 4, 64, 8, 0.06},
    {"Dirichlet 2, top-1", RoutingKind::dirichlet, 2, 16, 1, 1, 1, 8, 4, 0.01},
    {"Dirichlet 2, Qwen3", RoutingKind::dirichlet, 2, 128, 8, 1, 1, 32, 8, 0.02},
    {"Dirichlet 5, DeepSeek-V3", RoutingKind::dirichlet, 5, 256, 8, 8, 4, 64, 8, 0.06},
    {"Dirichlet 5, four groups over two nodes", RoutingKind::dirichlet, 5, 64, 4, 4, 2, 16, 8,
     0.06},
    {"histogram, Mixtral", RoutingKind::histogram, 0, 8, 2, 1, 1, 8, 4, 0.02},
};

RoutingShape shape_of(const Case& c) {
  return {4, 1024, c.experts, c.top_k, c.n_group, c.topk_group, c.ranks, c.ranks_per_node};
}

constexpr int microbatches = 24;

}  // namespace

TEST_CASE("drawn counts and distinct tokens agree with single tokens in the mean") {
  for (const Case& c : cases) {
    INFO(c.name);
    const Router router(spec_of(c), shape_of(c), 1, 7);
    const Moments drawn = moments_of(router, draw_counts, microbatches);
    const Moments exact = moments_of(router, draw_tokens, microbatches);
    const double tokens = 4.0 * 1024 * microbatches;
    require_close(drawn.expert, exact.expert, c.tolerance, tokens);
    require_close(drawn.rank, exact.rank, c.tolerance, tokens);
    require_close(drawn.node, exact.node, c.tolerance, tokens);
  }
}

TEST_CASE("disturbed popularity means the same to both samplers") {
  for (const Case& c : {cases[5], cases[8], cases[9]}) {
    INFO(c.name);
    RoutingSpec spec = spec_of(c);
    spec.jitter = 0.2;
    spec.source_correlation = 0.5;
    const Router router(spec, shape_of(c), 1, 7);
    const Moments drawn = moments_of(router, draw_counts, microbatches);
    const Moments exact = moments_of(router, draw_tokens, microbatches);
    const double tokens = 4.0 * 1024 * microbatches;
    const double tolerance =
        c.n_group > 1 ? 0.12 : 0.04;  // groups keep their undisturbed part in the drawn counts
    require_close(drawn.expert, exact.expert, tolerance, tokens);
    require_close(drawn.rank, exact.rank, tolerance, tokens);
    require_close(drawn.node, exact.node, tolerance, tokens);
  }
}

TEST_CASE("replicas and ranks that straddle groups agree with single tokens") {
  RoutingSpec spec;
  spec.kind = RoutingKind::zipf;
  spec.exponent = 0.8;
  spec.placement = Placement::eplb_global;
  spec.redundant_experts = 32;
  for (int groups : {1, 8}) {
    const Router router(spec, {4, 1024, 128, 8, groups, groups > 1 ? 4 : 1, 32, 8}, 1, 3);
    const Moments drawn = moments_of(router, draw_counts, microbatches);
    const Moments exact = moments_of(router, draw_tokens, microbatches);
    require_close(drawn.rank, exact.rank, 0.05, 4.0 * 1024 * microbatches);
    require_close(drawn.node, exact.node, 0.05, 4.0 * 1024 * microbatches);
  }
}

TEST_CASE("drawn counts vary as those of single tokens do") {
  for (const Case& c : cases) {
    if (c.kind == RoutingKind::histogram) continue;
    INFO(c.name);
    RoutingShape shape = shape_of(c);
    shape.tokens_per_source = 256;
    shape.sources = 16;
    const Router router(spec_of(c), shape, 1, 7);
    const Moments drawn = moments_of(router, draw_counts, 40);
    const Moments exact = moments_of(router, draw_tokens, 40);
    double sum_drawn = 0, sum_exact = 0;
    for (int e = 0; e < c.experts; ++e)
      sum_drawn += drawn.variance[e], sum_exact += exact.variance[e];
    REQUIRE(sum_drawn == Approx(sum_exact).epsilon(0.06));
    // Halves of the first group: negatively correlated without node limits, positively with them.
    const double slack = 0.15 * std::abs(exact.same_group_covariance) + 0.03 * c.top_k;
    REQUIRE(drawn.same_group_covariance == Approx(exact.same_group_covariance).margin(slack));
  }
}

TEST_CASE("single tokens obey capacity, replicas and node limits") {
  RoutingSpec spec;
  spec.kind = RoutingKind::zipf;
  spec.exponent = 1.2;
  spec.capacity_factor = 1.0;
  const Router router(spec, {4, 512, 64, 4, 4, 2, 16, 4}, 1, 5);
  RoutedTokens tokens;
  sample_tokens_exactly(router, 0, 0, 0, tokens);
  int64_t copies = 0, on_nodes = 0;
  for (int32_t count : tokens.counts) {
    REQUIRE(count <= 32);
    copies += count;
  }
  for (int32_t count : tokens.node_tokens) on_nodes += count;
  REQUIRE(copies + tokens.dropped_copies == 4 * 512 * 4);
  REQUIRE(tokens.dropped_copies > 0);
  REQUIRE(on_nodes <= 2 * 4 * 512);
}

}  // namespace moesim
