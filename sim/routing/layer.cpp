#include "routing/layer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "routing/inclusion.hpp"

namespace moesim {
namespace {

// Writes loads within one group that add up to `sum`: those of a race of the weights among the
// tokens that use the group at all, bisected for its length.
void split_as_race(std::span<const double> weights, double sum, double used,
                   std::span<double> loads) {
  const double size = static_cast<double>(weights.size());
  used = std::max({used, sum / (size * 0.9999), 1e-12});
  sum /= used;
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double low = 0, high = 1 / total;
  const auto expected = [&](double time) {
    double picked = 0;
    for (double weight : weights) picked -= std::expm1(-time * weight);
    return picked;
  };
  while (expected(high) < sum && high < 1e30) high *= 2;
  for (int i = 0; i < 50; ++i) {
    const double middle = 0.5 * (low + high);
    (expected(middle) < sum ? low : high) = middle;
  }
  for (size_t e = 0; e < weights.size(); ++e) loads[e] = -used * std::expm1(-high * weights[e]);
}

// Returns the factor on rates under which sets are touched as often, in all, as `wanted`.
double solve_coincidence(std::span<const double> rates, double wanted) {
  double low = std::log(1e-2), high = std::log(1e2);
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    double touched = 0;
    for (double rate : rates) touched -= std::expm1(-std::exp(middle) * rate);
    (touched < wanted ? low : high) = middle;
  }
  return std::exp(low);
}

// `pool`: consecutive sets that share a coincidence.
TargetSets make_sets(const LayerRouting& layer, int slots_per_set, int pool, int top_k,
                     const std::vector<int>& choices) {
  const int slots = layer.placement.slots();
  TargetSets sets{(slots + slots_per_set - 1) / slots_per_set, slots_per_set, {}};
  std::vector<double> rates(sets.count, 0.0);
  for (int s = 0; s < slots; ++s) {
    rates[s / slots_per_set] += slot_rate(layer.slots[s], layer.loads[layer.slots[s].expert]);
  }
  const std::vector<double> touched = touched_share(layer.slots, slots_per_set, top_k, choices);
  for (int first = 0; first < sets.count; first += pool) {
    const int size = std::min(pool, sets.count - first);
    const double wanted =
        std::accumulate(touched.begin() + first, touched.begin() + first + size, 0.0);
    const double factor = solve_coincidence(std::span(rates).subspan(first, size), wanted);
    sets.coincidence.insert(sets.coincidence.end(), size, static_cast<float>(factor));
  }
  return sets;
}

}  // namespace

double slot_rate(const Replica& slot, double load) {
  return -std::log1p(-std::min(load / slot.count, 1 - 1e-6));
}

std::vector<double> expected_loads(const TokenRule& rule, const std::vector<double>& weights,
                                   const std::vector<int>& choices) {
  if (!rule.grouped()) return inclusion_probabilities(weights, rule.top_k);
  const GroupMoments moments = group_moments(rule, choices);
  std::vector<double> loads(rule.experts);
  const int size = rule.group_size();
  for (int g = 0; g < rule.n_group; ++g) {
    split_as_race(std::span(weights).subspan(g * size, size), moments.mean[g], moments.used[g],
                  std::span(loads).subspan(g * size, size));
  }
  return loads;
}

LayerRouting make_layer_routing(const TokenRule& rule, std::vector<double> weights,
                                std::vector<double> loads, const std::vector<int>& choices,
                                ExpertPlacement placement, int ranks_per_node) {
  LayerRouting layer;
  layer.weights = std::move(weights);
  layer.loads = std::move(loads);
  if (rule.grouped()) layer.group_variance = group_moments(rule, choices).variance;
  layer.placement = std::move(placement);
  layer.slots = replicas_of(layer.placement, rule.experts);
  layer.replicated = layer.placement.slots() > rule.experts;
  const int slots_per_rank = layer.placement.slots_per_rank, ranks = layer.placement.ranks;
  const int node_ranks = std::min(ranks_per_node, ranks);
  layer.ranks =
      make_sets(layer, slots_per_rank, rule.grouped() ? node_ranks : ranks, rule.top_k, choices);
  layer.nodes = make_sets(layer, slots_per_rank * node_ranks, rule.grouped() ? 1 : ranks,
                          rule.top_k, choices);
  return layer;
}

}  // namespace moesim
