#include "routing/tokens.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.hpp"
#include "base/random.hpp"
#include "routing/inclusion.hpp"

namespace moesim {
namespace {

constexpr uint64_t calibration_stream = 111;
constexpr int max_groups = 256;  // check_routing allows no more

// The k smallest times seen so far; `worst` is the place of the largest of them. A scan of k places
// when one is replaced beats a heap: most offers are turned down after one comparison.
struct Shortlist {
  std::span<int> experts;
  std::array<float, max_top_k> times;
  int count = 0;
  int worst = 0;

  void offer(int expert, float time) {
    const int k = static_cast<int>(experts.size());
    if (count < k) {
      experts[count] = expert;
      times[count++] = time;
      if (count == k) find_worst();
    } else if (time < times[worst]) {
      experts[worst] = expert;
      times[worst] = time;
      find_worst();
    }
  }
  void find_worst() {
    worst = 0;
    for (int i = 1; i < count; ++i) {
      if (times[i] > times[worst]) worst = i;
    }
  }
};

// The sum of a group's two best affinities: those of its two smallest times. Lanes keep two each,
// which vectorizes: this is most of what a draw of node-limited routing costs.
float group_score(std::span<const float> times, float scale) {
  constexpr size_t kLanes = 8;
  constexpr float kNone = std::numeric_limits<float>::infinity();
  std::array<float, kLanes> firsts, seconds;
  firsts.fill(kNone);
  seconds.fill(kNone);
  const size_t whole = times.size() - times.size() % kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float time = times[i + lane];
      seconds[lane] = std::min(seconds[lane], std::max(firsts[lane], time));
      firsts[lane] = std::min(firsts[lane], time);
    }
  float first = kNone, second = kNone;
  const auto offer = [&](float time) {
    second = std::min(second, std::max(first, time));
    first = std::min(first, time);
  };
  for (size_t lane = 0; lane < kLanes; ++lane) {
    offer(firsts[lane]);
    offer(seconds[lane]);
  }
  for (size_t i = whole; i < times.size(); ++i) offer(times[i]);
  return scale / (scale + first) + scale / (scale + second);
}

}  // namespace

void choose_experts(const TokenRule& rule, std::span<const float> times, float scale,
                    std::span<int> chosen) {
  Shortlist shortlist{chosen, {}, 0, 0};
  if (!rule.grouped()) {
    for (int e = 0; e < rule.experts; ++e) shortlist.offer(e, times[e]);
    return;
  }
  const int size = rule.group_size();
  std::array<float, max_groups> score;
  for (int g = 0; g < rule.n_group; ++g)
    score[g] = group_score(times.subspan(g * size, size), scale);
  for (int taken = 0; taken < rule.topk_group; ++taken) {
    const auto best = std::max_element(score.begin(), score.begin() + rule.n_group);
    *best = -1;  // taken: scores are positive
    const int first = static_cast<int>(best - score.begin()) * size;
    for (int e = first; e < first + size; ++e) shortlist.offer(e, times[e]);
  }
}

TokenSet::TokenSet(const TokenRule& rule, int tokens, uint64_t seed)
    : rule_(rule), tokens_(tokens) {
  MOESIM_CHECK(rule.n_group <= max_groups && rule.experts % rule.n_group == 0,
               "{} groups of {} experts", rule.n_group, rule.experts);
  unit_times_.resize(static_cast<size_t>(tokens) * rule.experts);
  Random random(seed, {calibration_stream});
  for (float& time : unit_times_) time = static_cast<float>(-std::log(1 - random.uniform()));
}

// An exponential time of rate w is one of rate 1 over w, so that the unit times serve all weights
// and choices move little when weights do. A rotation gives expert e the unit time of the expert
// that many groups further on; over all rotations every group has had every group's luck.
std::vector<int> TokenSet::choices(std::span<const double> weights) const {
  const int experts = rule_.experts, k = rule_.top_k;
  const int rotations = rule_.grouped() ? rule_.n_group : 1;
  std::vector<int> chosen(static_cast<size_t>(tokens_) * rotations * k);
  std::vector<float> mean_time(experts), times(experts);
  for (int e = 0; e < experts; ++e) mean_time[e] = static_cast<float>(1 / weights[e]);
  const float scale = k < experts ? static_cast<float>(expected_race_time(weights, k)) : 1;
  size_t at = 0;
  for (int token = 0; token < tokens_; ++token) {
    const float* unit = &unit_times_[static_cast<size_t>(token) * experts];
    for (int rotation = 0; rotation < rotations; ++rotation, at += k) {
      const int shift = rotation * rule_.group_size();
      for (int e = 0; e < experts - shift; ++e) times[e] = unit[e + shift] * mean_time[e];
      for (int e = experts - shift; e < experts; ++e)
        times[e] = unit[e + shift - experts] * mean_time[e];
      choose_experts(rule_, times, scale, std::span(chosen).subspan(at, k));
    }
  }
  return chosen;
}

GroupMoments group_moments(const TokenRule& rule, std::span<const int> choices) {
  const std::vector<double> zero(rule.n_group, 0.0);
  GroupMoments moments{zero, zero, zero};
  std::vector<int> copies(rule.n_group);
  const size_t tokens = choices.size() / rule.top_k;
  for (size_t token = 0; token < tokens; ++token) {
    std::fill(copies.begin(), copies.end(), 0);
    for (int expert : choices.subspan(token * rule.top_k, rule.top_k))
      ++copies[expert / rule.group_size()];
    for (int g = 0; g < rule.n_group; ++g) {
      moments.used[g] += copies[g] > 0;
      moments.mean[g] += copies[g];
      moments.variance[g] += copies[g] * copies[g];
    }
  }
  const double total = static_cast<double>(tokens);
  for (int g = 0; g < rule.n_group; ++g) {
    moments.used[g] /= total;
    moments.mean[g] /= total;
    moments.variance[g] = moments.variance[g] / total - moments.mean[g] * moments.mean[g];
  }
  return moments;
}

// Makes the first group a fifth heavier than the others and looks at the odds of its copies: odds
// grow as weight^gain.
double group_gain(const TokenRule& rule, const TokenSet& tokens) {
  if (!rule.grouped()) return 1;
  constexpr double heavier = 1.2;
  std::vector<double> weights(rule.experts, 1.0);
  std::fill_n(weights.begin(), rule.group_size(), heavier);
  const double copies = group_moments(rule, tokens.choices(weights)).mean[0];
  const double odds = copies * (rule.n_group - 1) / (rule.top_k - copies);
  return std::log(odds) / std::log(heavier);
}

// A group of weight W gets copies as W^gain, so its experts are scaled until it weighs W^(1/gain).
void compensate_gain(const TokenRule& rule, double gain, std::vector<double>& weights) {
  const int size = rule.group_size();
  for (auto first = weights.begin(); first != weights.end(); first += size) {
    const double factor = std::pow(std::accumulate(first, first + size, 0.0), 1 / gain - 1);
    for (auto weight = first; weight != first + size; ++weight) *weight *= factor;
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
}

// A token that picks a replicated expert goes to one of its slots, chosen by a hash of token and
// expert instead of a random stream. `last_token` remembers whether this token has been there.
std::vector<double> touched_share(std::span<const Replica> slots, int slots_per_set, int top_k,
                                  std::span<const int> choices) {
  int experts = 0;
  for (const Replica& slot : slots) experts = std::max(experts, slot.expert + 1);
  std::vector<std::vector<int>> sets_of_expert(experts);
  for (size_t s = 0; s < slots.size(); ++s) {
    sets_of_expert[slots[s].expert].push_back(static_cast<int>(s) / slots_per_set);
  }
  const size_t sets = (slots.size() + slots_per_set - 1) / slots_per_set,
               tokens = choices.size() / top_k;
  std::vector<size_t> last_token(sets, SIZE_MAX);
  std::vector<double> share(sets, 0.0);
  for (size_t token = 0; token < tokens; ++token) {
    for (int expert : choices.subspan(token * top_k, top_k)) {
      const std::vector<int>& homes = sets_of_expert[expert];
      const int set =
          homes.size() == 1 ? homes[0] : homes[mix64(token * 8192 + expert) % homes.size()];
      if (last_token[set] != token) ++share[set];
      last_token[set] = token;
    }
  }
  for (double& s : share) s /= static_cast<double>(tokens);
  return share;
}

}  // namespace moesim
