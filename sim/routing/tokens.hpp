// One token's choice of experts, with node-limited routing, and statistics over a fixed set of such
// tokens that the aggregated sampler is calibrated on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "routing/placement.hpp"

namespace moesim {

// Node-limited routing (DeepSeek-V3, arXiv:2412.19437 section 2.1.2): experts form n_group
// contiguous groups, a token takes the topk_group groups with the highest sum of their two best
// affinities (the paper: K_r / M, which is 8 / 4), then its top_k experts from those.
struct TokenRule {
  int experts = 0, top_k = 0;
  int n_group = 1, topk_group = 1;

  bool grouped() const { return topk_group < n_group; }
  int group_size() const { return experts / n_group; }
};

// `times`: race times of the experts, small is preferred. Affinity of an expert is scale / (scale +
// time), the sigmoid of its perturbed log weight, with 1/2 at `scale`. Writes top_k distinct
// experts, in no particular order.
void choose_experts(const TokenRule& rule, std::span<const float> times, float scale,
                    std::span<int> chosen);

// Choices of a fixed set of tokens under the weights: rows of top_k experts. The same random
// numbers serve every call, and with groups every token is replayed once per rotation of the
// groups: equal weights give exactly equal group loads.
class TokenSet {
 public:
  TokenSet(const TokenRule& rule, int tokens, uint64_t seed);
  std::vector<int> choices(std::span<const double> weights) const;

 private:
  TokenRule rule_;
  int tokens_;
  std::vector<float> unit_times_;  // [token][expert], exponential of rate 1
};

// Statistics of tokens per group: copies that go there, and the share of tokens that send any.
struct GroupMoments {
  std::vector<double> used;
  std::vector<double> mean;
  std::vector<double> variance;
};
GroupMoments group_moments(const TokenRule& rule, std::span<const int> choices);

// Returns how much choosing groups first amplifies popularity: copies of a group grow as (its
// weight)^gain against the others, measured between equal groups and one of 1.2 times the weight. 1
// without node limits.
double group_gain(const TokenRule& rule, const TokenSet& tokens);

// Takes that gain out of weights that were solved without node limits: their group loads then come
// about with them.
void compensate_gain(const TokenRule& rule, double gain, std::vector<double>& weights);

// Returns the share of tokens whose choices fall on each set of `slots_per_set` consecutive slots
// (a rank, a node) at least once.
std::vector<double> touched_share(std::span<const Replica> slots, int slots_per_set, int top_k,
                                  std::span<const int> choices);

}  // namespace moesim
