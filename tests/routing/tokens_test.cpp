#include "routing/tokens.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"

namespace moesim {
namespace {

std::set<int> chosen_set(const TokenRule& rule, const std::vector<float>& times, float scale = 1) {
  std::vector<int> chosen(rule.top_k, -1);
  choose_experts(rule, times, scale, chosen);
  return {chosen.begin(), chosen.end()};
}

}  // namespace

TEST_CASE("a token picks the experts that arrive first") {
  REQUIRE(chosen_set({6, 3, 1, 1}, {5, 1, 4, 0.5f, 9, 2}) == std::set<int>{1, 3, 5});
  REQUIRE(chosen_set({3, 3, 1, 1}, {5, 1, 4}) == std::set<int>{0, 1, 2});
}

TEST_CASE("node limits pick groups by their two best affinities, then experts within them") {
  // Best expert in group 0, but group 1 has the better pair, group 2 the next.
  const std::vector<float> times{0.1f, 99, 99, 0.2f, 0.2f, 7, 0.4f, 0.3f, 8};
  REQUIRE(chosen_set({9, 2, 3, 1}, times) == std::set<int>{3, 4});
  REQUIRE(chosen_set({9, 3, 3, 2}, times) == std::set<int>{3, 4, 7});
  REQUIRE(chosen_set({9, 3, 3, 3}, times) == std::set<int>{0, 3, 4});
}

TEST_CASE("no token uses more groups than it may") {
  const TokenRule rule{64, 8, 8, 3};
  const TokenSet tokens(rule, 64, 5);
  const std::vector<int> choices = tokens.choices(std::vector<double>(64, 1.0));
  REQUIRE(choices.size() == 64 * 8 * 8);
  for (size_t at = 0; at < choices.size(); at += 8) {
    std::set<int> groups, experts(choices.begin() + at, choices.begin() + at + 8);
    for (int expert : experts) groups.insert(expert / 8);
    REQUIRE(experts.size() == 8);
    REQUIRE(groups.size() <= 3);
  }
}

TEST_CASE("equal weights load groups exactly equally") {
  const TokenRule rule{64, 4, 4, 2};
  const GroupMoments moments =
      group_moments(rule, TokenSet(rule, 50, 9).choices(std::vector<double>(64, 0.1)));
  for (int g = 0; g < 4; ++g) {
    REQUIRE(moments.mean[g] == Approx(1));
    REQUIRE(moments.used[g] == moments.used[0]);
    REQUIRE(moments.used[g] <= 0.5);
    REQUIRE(moments.variance[g] > 0.75);  // without node limits: 4 * 1/4 * 3/4 * 60/63 = 0.71
  }
}

TEST_CASE("choosing groups first amplifies their popularity, and the gain can be taken out") {
  const TokenRule rule{64, 8, 8, 4};
  const TokenSet tokens(rule, 16384, 9);
  const double gain = group_gain(rule, tokens);
  REQUIRE(gain > 1.15);
  REQUIRE(gain < 3);
  REQUIRE(group_gain({64, 8, 1, 1}, tokens) == 1);
  std::vector<double> weights(64, 1.0);
  for (int e = 0; e < 16; ++e) weights[e] = e < 8 ? 1.4 : 0.7;
  const double amplified = group_moments(rule, tokens.choices(weights)).mean[0];
  compensate_gain(rule, gain, weights);
  const GroupMoments moments = group_moments(rule, tokens.choices(weights));
  REQUIRE(amplified > 1.45);
  REQUIRE(moments.mean[0] == Approx(8 * 1.4 / 8.1).epsilon(0.03));
  REQUIRE(moments.mean[1] == Approx(8 * 0.7 / 8.1).epsilon(0.03));
}

TEST_CASE("touched shares count a token once per set") {
  const std::vector<Replica> slots = replicas_of(contiguous_placement(8, 4), 8);
  const std::vector<int> choices{0, 1, 0, 7, 2, 3, 4, 6};  // four tokens of two experts
  REQUIRE(touched_share(slots, 2, 2, choices) == std::vector<double>{0.5, 0.25, 0.25, 0.5});
  REQUIRE(touched_share(slots, 4, 2, choices) == std::vector<double>{0.75, 0.5});
}

}  // namespace moesim
