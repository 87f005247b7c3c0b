#include "routing/row.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"

namespace moesim {
namespace {

// Below this many expected tokens a normal is a poor binomial (4 % of its mass would be clipped at
// 4, 0.2 % at 8).
constexpr double scarce_tokens = 8;

// A correction never takes more than this share of an expert's variance away: without the bound, an
// expert that carries nearly all of its group's variance would need an infinite one to begin with.
constexpr double least_kept = 0.2;

// Sets sigma and weight of the experts of one group.
//
// Counts of a group must add up to the group's total, so draw_row() spreads what is missing over
// its experts in proportion to their variance v. That correction takes the share v / sum(v) off
// each variance, and the spread of the group's total, dealt out the same way, gives share^2 of its
// own variance back. Counts end at the binomial's variance b if they start from
//   v = (b - share^2 * group_variance) / (1 - share),
// where share is taken as b / sum(b), which v / sum(v) hardly differs from.
void spread_group(int first, int end, float group_variance, float tokens, RowModel& model) {
  const float per_token = 1 / tokens;
  float total = 0;
  for (int e = first; e < end; ++e) {
    model.sigma[e] = model.mean[e] * (1 - model.mean[e] * per_token);  // b, until sigma is known
    total += model.sigma[e];
  }
  const float inverse = total > 0 ? 1 / total : 0;
  float adjusted_total = 0;
  for (int e = first; e < end; ++e) {
    const float share = model.sigma[e] * inverse;
    model.weight[e] = std::max(model.sigma[e] - share * share * group_variance, 0.0f) /
                      std::max(1 - share, static_cast<float>(least_kept));
    adjusted_total += model.weight[e];
  }
  const float inverse_adjusted = adjusted_total > 0 ? 1 / adjusted_total : 0;
  for (int e = first; e < end; ++e) {
    model.sigma[e] = std::sqrt(model.weight[e]);
    model.weight[e] *= inverse_adjusted;
  }
}

// Totals of the groups must add up to all copies; the same correction among groups, the same way
// back. Without node limits there is one group, whose total is fixed, and the lists stay empty.
void model_groups(const LayerRouting& layer, double tokens, RowModel& model) {
  const double total =
      std::accumulate(layer.group_variance.begin(), layer.group_variance.end(), 0.0);
  model.group_sigma.clear();
  model.group_weight.clear();
  for (double variance : layer.group_variance) {
    const double weight = total > 0 ? variance / total : 0;
    model.group_weight.push_back(static_cast<float>(weight));
    model.group_sigma.push_back(
        static_cast<float>(std::sqrt(tokens * variance / std::max(1 - weight, least_kept))));
  }
}

// Sums over a run of slots, from which distinct tokens follow; those of a node are the sums of its
// ranks.
struct SlotSums {
  float copies = 0;
  float rate = 0;  // of -log(1 - load)
  float odds = 0;  // of copies / (1 - load), which is copies times the slope of rate in copies

  void add(const SlotSums& other) {
    copies += other.copies, rate += other.rate, odds += other.odds;
  }
};

// A token misses a set with probability exp(-coincidence * rate). `slope` says how distinct tokens
// follow when more copies come than expected, all slots of the set growing in proportion; a copy
// brings one distinct token at most.
void set_distinct(const SlotSums& sums, float coincidence, float tokens, int set,
                  DistinctModel& model) {
  const float untouched = exp_of_minus(coincidence * sums.rate);
  model.copies[set] = sums.copies;
  model.tokens[set] = tokens * (1 - untouched);
  model.slope[set] =
      sums.copies > 0 ? std::min(coincidence * untouched * sums.odds / sums.copies, 1.0f) : 0.0f;
}

// Replicas share their expert's tokens, so that a slot's load is a part of the expert's.
void model_distinct(const LayerRouting& layer, float tokens, std::span<const float> rates,
                    RowModel& model) {
  for (auto [sets, distinct] :
       {std::pair{&layer.ranks, &model.ranks}, {&layer.nodes, &model.nodes}}) {
    distinct->copies.resize(sets->count);
    distinct->tokens.resize(sets->count);
    distinct->slope.resize(sets->count);
  }
  const float per_token = 1 / tokens;
  const int ranks_per_node = layer.nodes.slots_per_set / layer.ranks.slots_per_set;
  for (int node = 0, rank = 0, s = 0; node < layer.nodes.count; ++node) {
    SlotSums on_node;
    for (const int end = std::min(rank + ranks_per_node, layer.ranks.count); rank < end; ++rank) {
      SlotSums on_rank;
      for (const int end_slot = s + layer.ranks.slots_per_set; s < end_slot; ++s) {
        const Replica& slot = layer.slots[s];
        const float share = slot.count == 1
                                ? model.mean[slot.expert]
                                : model.mean[slot.expert] / static_cast<float>(slot.count);
        const float away = std::max(1 - share * per_token, 1e-6f);
        on_rank.add({share, slot.count == 1 ? rates[slot.expert] : -std::log(away), share / away});
      }
      set_distinct(on_rank, layer.ranks.coincidence[rank], tokens, rank, model.ranks);
      on_node.add(on_rank);
    }
    set_distinct(on_node, layer.nodes.coincidence[node], tokens, node, model.nodes);
  }
}

// Four partial sums, so that the compiler may vectorise: it must not reorder a plain sum.
float sum_of(std::span<const float> values) {
  float lanes[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    for (int lane = 0; lane < 4; ++lane) lanes[lane] += values[i + lane];
  }
  for (; i < values.size(); ++i) lanes[0] += values[i];
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

// Draws every expert's distance from its mean, independently: normals from a table, four from one
// hash, and then binomials in place of those where a normal is poor. An expert that nearly every
// token picks is drawn by the tokens that stay away.
void draw_deviations(const RowModel& model, int64_t tokens, Random& random,
                     std::span<float> deviation) {
  const VariateTable& normal = normal_table();
  const size_t experts = deviation.size();
  size_t e = 0;
  for (; e + 4 <= experts; e += 4) {
    const uint64_t hash = random.next();
    for (int lane = 0; lane < 4; ++lane)
      deviation[e + lane] = model.sigma[e + lane] * variate(normal, hash, lane);
  }
  for (const uint64_t hash = random.next(); e < experts; ++e) {
    deviation[e] = model.sigma[e] * variate(normal, hash, static_cast<int>(e & 3));
  }
  for (size_t i = 0; i < model.scarce.size(); ++i) {
    const int expert = model.scarce[i];
    const float mean = model.mean[expert], away = static_cast<float>(tokens) - mean;
    const double p = (mean < away ? mean : away) / static_cast<double>(tokens);
    const float drawn = static_cast<float>(small_binomial(random, tokens, p, model.none[i]));
    deviation[expert] = mean < away ? drawn - mean : away - drawn;
  }
}

// Rounding and clipping leave a few copies over or short. They are given or taken one by one at
// random experts, accepted in proportion to how much their counts vary (group_size * weight is 1 on
// average). A row in which luck does not suffice is settled in the order of the experts.
void settle(const RowModel& model, int group_size, int64_t tokens, int64_t left, Random& random,
            std::span<int32_t> counts) {
  const int experts = static_cast<int>(counts.size());
  const int step = left > 0 ? 1 : -1;
  const auto try_at = [&](int e) {
    const int64_t next = counts[e] + step;
    if (next < 0 || next > tokens) return;
    counts[e] += step;
    left -= step;
  };
  for (int trials = 16 * experts; left != 0 && trials > 0; --trials) {
    const uint64_t hash = random.next();
    const int e = static_cast<int>(((hash >> 32) * static_cast<uint64_t>(experts)) >> 32);
    const float luck = static_cast<float>(hash & 0xffff) * 0x1p-16f;
    if (luck < model.weight[e] * static_cast<float>(group_size)) try_at(e);
  }
  while (left != 0) {
    const int64_t before = left;
    for (int e = 0; e < experts && left != 0; ++e) try_at(e);
    MOESIM_CHECK(left != before, "{} copies find no room among {} experts", left, experts);
  }
}

}  // namespace

// In single precision and without allocation: with source_correlation it runs for every source of
// every token matrix.
void build_row_model(const TokenRule& rule, const LayerRouting& layer, int64_t tokens,
                     std::span<const float> rates, RowModel& model) {
  const double n = static_cast<double>(std::max<int64_t>(tokens, 1));
  model.mean.resize(rule.experts);
  model.sigma.resize(rule.experts);
  model.weight.resize(rule.experts);
  for (int e = 0; e < rule.experts; ++e)
    model.mean[e] = static_cast<float>(n) * (1 - exp_of_minus(rates[e]));
  model_groups(layer, n, model);
  const int groups = rule.grouped() ? rule.n_group : 1, size = rule.experts / groups;
  for (int g = 0; g < groups; ++g) {
    const double group_variance = rule.grouped() ? n * layer.group_variance[g] : 0;
    spread_group(g * size, (g + 1) * size, static_cast<float>(group_variance),
                 static_cast<float>(n), model);
  }
  model.scarce.clear();
  model.none.clear();
  const float enough = static_cast<float>(std::min(scarce_tokens, n)),
              most = static_cast<float>(n) - enough;
  for (int e = 0; e < rule.experts; ++e) {
    if (model.mean[e] >= enough && model.mean[e] <= most) continue;
    const double few = std::min<double>(model.mean[e], n - model.mean[e]);
    model.scarce.push_back(e);
    model.none.push_back(std::exp(n * std::log1p(-std::max(few, 0.0) / n)));
  }
  model_distinct(layer, static_cast<float>(n), rates, model);
}

// Independent deviations first; then each group's deviations are shifted so that they add up to the
// deviation of its total, which is itself drawn and corrected so that all groups add up to zero.
void draw_row(const TokenRule& rule, const RowModel& model, int64_t tokens, Random& random,
              std::span<int32_t> counts, std::vector<float>& deviation) {
  const int groups = rule.grouped() ? rule.n_group : 1;
  const int size = rule.experts / groups;
  deviation.resize(rule.experts + groups);
  const std::span<float> own(deviation.data(), rule.experts),
      group(deviation.data() + rule.experts, groups);
  draw_deviations(model, tokens, random, own);
  float spread = 0;
  for (int g = 0; g < groups; ++g) {
    group[g] = groups == 1 ? 0 : model.group_sigma[g] * variate(normal_table(), random.next(), 0);
    spread += group[g];
  }
  const float most = static_cast<float>(tokens);
  int64_t left = tokens * rule.top_k;
  for (int g = 0; g < groups; ++g) {
    const int first = g * size;
    const float target = groups == 1 ? 0 : group[g] - model.group_weight[g] * spread;
    const float shift = target - sum_of(own.subspan(first, size));
    int32_t sum = 0;
    for (int e = first; e < first + size; ++e) {
      const float count = model.mean[e] + own[e] + model.weight[e] * shift;
      counts[e] = static_cast<int32_t>(std::min(std::max(count, 0.0f), most) + 0.5f);
      sum += counts[e];
    }
    left -= sum;
  }
  if (left != 0) settle(model, size, tokens, left, random, counts);
}

}  // namespace moesim
