#include "routing/routing.hpp"

#include <algorithm>
#include <numeric>

#include "catch.hpp"

namespace moesim {
namespace {

const RoutingShape deepseek{64, 4096, 256, 8, 8, 4, 64, 8};
const RoutingShape qwen{16, 4096, 128, 8, 1, 1, 16, 8};

RoutingSpec skewed() {
  RoutingSpec spec;
  spec.kind = RoutingKind::zipf;
  spec.exponent = 0.8;
  return spec;
}

int64_t sum(const std::vector<int32_t>& values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

void require_conserved(const RoutedTokens& tokens, const RoutingShape& shape) {
  const int64_t copies = shape.tokens_per_source * shape.sources * shape.top_k;
  REQUIRE(sum(tokens.counts) + tokens.dropped_copies - tokens.padding_copies == copies);
  REQUIRE(sum(tokens.rank_copies) == sum(tokens.counts));
  REQUIRE(sum(tokens.slot_rows) == sum(tokens.counts));
  int64_t rows = 0;
  for (int rank = 0; rank < tokens.ranks; ++rank) rows += tokens.rank_rows(rank);
  REQUIRE(rows == sum(tokens.counts));
  for (size_t i = 0; i < tokens.rank_tokens.size(); ++i) {
    REQUIRE(tokens.rank_tokens[i] <= shape.tokens_per_source);
    REQUIRE(tokens.rank_tokens[i] <= tokens.rank_copies[i]);
  }
  for (int32_t count : tokens.node_tokens) REQUIRE(count <= shape.tokens_per_source);
}

}  // namespace

TEST_CASE("balanced routing gives equal counts, the remainder spread over experts and sources") {
  RoutedTokens tokens;
  Router({}, deepseek, 2, 1).sample(1, 3, 0, tokens);
  REQUIRE(tokens.counts == std::vector<int32_t>(64 * 256, 128));
  REQUIRE(tokens.overload_factor() == 1.0);
  require_conserved(tokens, deepseek);
  const RoutingShape odd{3, 101, 16, 3, 1, 1, 4, 4};
  Router({}, odd, 1, 1).sample(0, 0, 0, tokens);
  require_conserved(tokens, odd);
  for (int e = 0; e < 16; ++e) REQUIRE(std::abs(tokens.expert_rows(e) - 3 * 101 * 3 / 16) <= 1);
}

TEST_CASE("experts dealt out in turn are neighbours: few ranks and nodes see a token") {
  RoutingSpec spec;
  spec.kind = RoutingKind::in_turn;
  RoutedTokens tokens;
  // Eight of 128 experts, 16 a rank: every token stays whole. Eight of 256, four a rank: two ranks
  // of one node.
  const RoutingShape whole{8, 4096, 128, 8, 1, 1, 8, 8};
  Router(spec, whole, 1, 1).sample(0, 0, 0, tokens);
  require_conserved(tokens, whole);
  CHECK(tokens.counts == std::vector<int32_t>(8 * 128, 256));
  CHECK(sum(tokens.rank_tokens) == 8 * 4096);
  Router(spec, deepseek, 1, 1).sample(0, 0, 0, tokens);
  require_conserved(tokens, deepseek);
  CHECK(tokens.overload_factor() == 1.0);
  CHECK(sum(tokens.rank_tokens) == 2 * 64 * 4096);
  CHECK(sum(tokens.node_tokens) == 64 * 4096);
}

TEST_CASE("experts dealt out in turn, token by token") {
  RoutingSpec spec;
  spec.kind = RoutingKind::in_turn;
  const RoutingShape odd{3, 101, 16, 3, 1, 1, 8, 4};
  RoutedTokens tokens;
  Router(spec, odd, 1, 1).sample(0, 0, 0, tokens);
  require_conserved(tokens, odd);
  std::vector<int32_t> counts(16), ranks(8), nodes(2);
  for (int token = 0; token < 101; ++token) {
    std::vector<bool> rank(8), node(2);
    for (int i = 0; i < 3; ++i) {
      const int expert = (token * 3 + i) % 16;
      ++counts[expert];
      rank[expert / 2] = node[expert / 8] = true;
    }
    for (int r = 0; r < 8; ++r) ranks[r] += rank[r];
    for (int n = 0; n < 2; ++n) nodes[n] += node[n];
  }
  for (int source = 0; source < 3; ++source) {
    CHECK(std::equal(counts.begin(), counts.end(), tokens.counts.begin() + source * 16));
    CHECK(std::equal(ranks.begin(), ranks.end(), tokens.rank_tokens.begin() + source * 8));
    CHECK(std::equal(nodes.begin(), nodes.end(), tokens.node_tokens.begin() + source * 2));
  }
}

TEST_CASE("tokens are conserved over kinds and placements") {
  for (Placement placement :
       {Placement::contiguous, Placement::round_robin, Placement::eplb, Placement::eplb_global}) {
    for (const RoutingShape& shape : {deepseek, qwen}) {
      RoutingSpec spec = skewed();
      spec.placement = placement;
      spec.jitter = 0.1;
      if (placement == Placement::eplb || placement == Placement::eplb_global)
        spec.redundant_experts = shape.ranks;
      RoutedTokens tokens;
      Router(spec, shape, 1, 1).sample(0, 0, 0, tokens);
      require_conserved(tokens, shape);
    }
  }
}

TEST_CASE("recorded loads arrive as recorded under node limits too") {
  RoutingSpec spec;
  spec.kind = RoutingKind::recorded;
  for (int e = 0; e < 256; ++e) spec.recorded.push_back({0, 0, e, 60.0 + 10 * (e / 32) + e % 7});
  const Router router(spec, deepseek, 1, 1);
  double total = 0;
  for (const RecordedCount& row : spec.recorded) total += row.tokens;
  for (int e = 0; e < 256; ++e)
    REQUIRE(router.loads(0)[e] == Approx(8 * spec.recorded[e].tokens / total).epsilon(0.06));
}

TEST_CASE("a sample depends on seed, layer, microbatch and cell, and on nothing else") {
  RoutingSpec spec = skewed();
  spec.jitter = 0.1;
  spec.source_correlation = 0.2;
  const Router router(spec, qwen, 3, 1), other(spec, qwen, 3, 2);
  RoutedTokens first, again, used;
  router.sample(1, 5, 2, first);
  other.sample(0, 0, 0, used);
  router.sample(2, 0, 0, used);
  router.sample(1, 5, 2, used);
  router.sample(1, 5, 2, again);
  REQUIRE(used.counts == first.counts);
  REQUIRE(used.rank_tokens == first.rank_tokens);
  REQUIRE(used.slot_rows == first.slot_rows);
  REQUIRE(again.node_tokens == first.node_tokens);
  const auto differs = [&](const Router& r, int layer, int microbatch, int cell) {
    r.sample(layer, microbatch, cell, used);
    return used.counts != first.counts;
  };
  REQUIRE(differs(router, 0, 5, 2));
  REQUIRE(differs(router, 1, 4, 2));
  REQUIRE(differs(router, 1, 5, 1));
  REQUIRE(differs(other, 1, 5, 2));
}

TEST_CASE("sampling again into the same output allocates nothing") {
  RoutingSpec spec = skewed();
  spec.jitter = 0.1;
  const Router router(spec, deepseek, 2, 1);
  RoutedTokens tokens;
  router.sample(0, 0, 0, tokens);
  const int32_t* counts = tokens.counts.data();
  const float* mean = tokens.scratch.row.mean.data();
  for (int microbatch = 0; microbatch < 4; ++microbatch) router.sample(1, microbatch, 0, tokens);
  REQUIRE(tokens.counts.data() == counts);
  REQUIRE(tokens.scratch.row.mean.data() == mean);
}

TEST_CASE("EPLB lowers the overload factor of a Zipf load, replicas further, never below balance") {
  for (const RoutingShape& shape : {deepseek, qwen}) {
    RoutingSpec spec = skewed();
    const double contiguous = mean_overload_factor(spec, shape, 6, 4, 3);
    spec.placement = Placement::eplb_global;
    const double packed = mean_overload_factor(spec, shape, 6, 4, 3);
    spec.redundant_experts = shape.ranks;
    const double replicated = mean_overload_factor(spec, shape, 6, 4, 3);
    REQUIRE(packed < contiguous);
    REQUIRE(replicated < packed);
    REQUIRE(replicated >= 1);
    REQUIRE(replicated < 1.15);
  }
}

TEST_CASE("a stale EPLB placement is worse than a fresh one") {
  RoutingSpec spec = skewed();
  spec.drift = 0.1;
  spec.step = 99;
  spec.placement = Placement::eplb_global;
  spec.redundant_experts = 16;
  const double fresh = mean_overload_factor(spec, qwen, 6, 2, 3);
  spec.placement_period = 100;
  REQUIRE(mean_overload_factor(spec, qwen, 6, 2, 3) > 1.2 * fresh);
}

TEST_CASE("sources with their own popularity differ more, and ranks in all the same") {
  RoutingSpec spec;
  spec.kind = RoutingKind::uniform;
  const auto spread_of_sources = [&](double correlation) {
    spec.source_correlation = correlation;
    RoutedTokens tokens;
    Router(spec, qwen, 1, 1).sample(0, 0, 0, tokens);
    double squares = 0;
    for (int32_t count : tokens.counts) squares += (count - 256.0) * (count - 256.0);
    return squares / static_cast<double>(tokens.counts.size()) / (256.0 * 256.0);
  };
  REQUIRE(spread_of_sources(0) == Approx(1.0 / 256 * 15 / 16).epsilon(0.1));
  REQUIRE(spread_of_sources(0.5) == Approx(0.25).epsilon(0.2));
  REQUIRE(spread_of_sources(1) > 0.7);
}

TEST_CASE("capacity drops what exceeds it and padding fills up to it") {
  RoutingSpec spec = skewed();
  spec.capacity_factor = 1.25;
  RoutedTokens tokens;
  Router(spec, qwen, 1, 1).sample(0, 0, 0, tokens);
  for (int32_t count : tokens.counts) REQUIRE(count <= 320);
  REQUIRE(tokens.dropped_copies > 0);
  REQUIRE(tokens.padding_copies == 0);
  require_conserved(tokens, qwen);
  spec.pad_to_capacity = true;
  Router(spec, qwen, 1, 1).sample(0, 0, 0, tokens);
  REQUIRE(tokens.counts == std::vector<int32_t>(16 * 128, 320));
  REQUIRE(tokens.overload_factor() == 1.0);
  REQUIRE(tokens.padding_copies > 0);
  require_conserved(tokens, qwen);
}

TEST_CASE("target overload is resolved on construction") {
  RoutingSpec spec = skewed();
  spec.target_overload = 1.6;
  const Router router(spec, qwen, 40, 9);
  REQUIRE(router.spec().exponent != 0.8);
  double mean = 0;
  RoutedTokens tokens;
  for (int layer = 0; layer < 40; ++layer) {
    router.sample(layer, 0, 0, tokens);
    mean += tokens.overload_factor() / 40;
  }
  REQUIRE(mean == Approx(1.6).epsilon(0.08));
}

TEST_CASE("a given table places experts") {
  RoutingSpec spec;
  spec.placement = Placement::table;
  spec.expert_of_slot = {3, 2, 1, 0};
  const Router router(spec, {2, 64, 4, 1, 1, 1, 2, 2}, 1, 1);
  REQUIRE(router.placement(0).slots_per_rank == 2);
  REQUIRE(router.placement(0).expert_of_slot[0] == 3);
}

TEST_CASE("a target overload factor is met on average") {
  for (RoutingKind kind : {RoutingKind::zipf, RoutingKind::dirichlet}) {
    for (const RoutingShape& shape :
         {RoutingShape{8, 4096, 8, 2, 1, 1, 8, 8}, {16, 4096, 128, 8, 1, 1, 16, 8}}) {
      RoutingSpec spec;
      spec.kind = kind;
      spec.target_overload = 1.4;
      const RoutingSpec found = with_target_overload(spec, shape, 5);
      REQUIRE(found.target_overload == 0);
      REQUIRE(mean_overload_factor(found, shape, 24, 2, 5) == Approx(1.4).epsilon(0.01));
      REQUIRE(mean_overload_factor(found, shape, 48, 2, 6) ==
              Approx(1.4).epsilon(0.08));  // other layers
    }
  }
}

TEST_CASE("targets out of reach end at the nearest skew") {
  RoutingSpec spec;
  spec.kind = RoutingKind::zipf;
  spec.target_overload = 1.0001;  // drawing tokens alone exceeds it
  REQUIRE(with_target_overload(spec, {4, 256, 16, 2, 1, 1, 8, 8}, 1).exponent < 0.05);
  spec.target_overload = 7.9;  // top-2 of 16 experts cannot load one of 8 ranks so much
  REQUIRE(with_target_overload(spec, {4, 256, 16, 2, 1, 1, 8, 8}, 1).exponent > 3.9);
}

TEST_CASE("kinds without skew parameter come back unchanged") {
  RoutingSpec spec;
  spec.kind = RoutingKind::uniform;
  spec.target_overload = 2;
  const RoutingSpec found = with_target_overload(spec, {4, 256, 16, 2, 1, 1, 8, 8}, 1);
  REQUIRE(found.kind == RoutingKind::uniform);
  REQUIRE(found.target_overload == 0);
}

}  // namespace moesim
