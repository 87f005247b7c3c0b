// sample_tokens_exactly: the oracle of the aggregated sampler, token by token.
#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "routing/inclusion.hpp"
#include "routing/popularity.hpp"
#include "routing/routing.hpp"

namespace moesim {
namespace {

constexpr uint64_t token_stream = 141;

// Slots of every expert, in the order of its replicas.
std::vector<std::vector<int>> slots_of_experts(std::span<const Replica> slots, int experts) {
  std::vector<std::vector<int>> result(experts);
  for (size_t slot = 0; slot < slots.size(); ++slot)
    result[slots[slot].expert].push_back(static_cast<int>(slot));
  return result;
}

struct SourceRun {
  const TokenRule& rule;
  const std::vector<std::vector<int>>& slots_of_expert;
  int64_t capacity;  // copies an expert takes from this source
  int ranks_per_node;
  int source;
};

// The i-th copy that an expert takes goes to its replica (i - source) mod replicas, which adds up
// to replica_share.
void take_token(const SourceRun& run, std::span<const int> chosen, std::vector<int>& sets,
                RoutedTokens& out) {
  const size_t source = run.source;
  sets.clear();
  for (int expert : chosen) {
    int32_t& count = out.counts[source * out.experts + expert];
    if (count >= run.capacity) {
      ++out.dropped_copies;
      continue;
    }
    const std::vector<int>& slots = run.slots_of_expert[expert];
    const int replicas = static_cast<int>(slots.size());
    const int slot = slots[(count % replicas + replicas - run.source % replicas) % replicas];
    ++count;
    ++out.slot_rows[slot];
    ++out.rank_copies[source * out.ranks + slot / out.slots_per_rank];
    sets.push_back(slot / out.slots_per_rank);
  }
  std::sort(sets.begin(), sets.end());
  for (size_t i = 0; i < sets.size(); ++i) {
    const int rank = sets[i], node = rank / run.ranks_per_node;
    if (i == 0 || sets[i - 1] != rank) ++out.rank_tokens[source * out.ranks + rank];
    if (i == 0 || sets[i - 1] / run.ranks_per_node != node)
      ++out.node_tokens[source * out.nodes + node];
  }
}

}  // namespace

void sample_tokens_exactly(const Router& router, int layer_index, int microbatch, int cell,
                           RoutedTokens& out) {
  if (router.spec_.kind == RoutingKind::balanced || router.spec_.kind == RoutingKind::in_turn)
    return router.sample(layer_index, microbatch, cell, out);
  const RoutingSpec& spec = router.spec_;
  const RoutingShape& shape = router.shape_;
  const Router::Layer& layer = router.at(layer_index);
  router.shape_output(layer, out);
  for (auto* values : {&out.counts, &out.rank_copies, &out.rank_tokens, &out.node_tokens}) {
    std::fill(values->begin(), values->end(), 0);
  }
  const auto slots = slots_of_experts(layer.slots, shape.experts);
  const int64_t capacity = spec.capacity_factor > 0 ? router.capacity() : shape.tokens_per_source;
  std::vector<float> factor, times(shape.experts);
  std::vector<double> weights(shape.experts);
  std::vector<int> chosen(shape.top_k), sets;
  for (int source = 0; source < shape.sources; ++source) {
    fill_microbatch_factor(spec, shape.experts, router.seed_, layer_index, microbatch, cell,
                           factor);
    multiply_source_factor(spec, router.seed_, layer_index, cell, source, factor);
    for (int e = 0; e < shape.experts; ++e) weights[e] = layer.weights[e] * factor[e];
    const double scale = shape.top_k < shape.experts ? expected_race_time(weights, shape.top_k) : 1;
    Random random(router.seed_, {token_stream, static_cast<uint64_t>(layer_index),
                                 static_cast<uint64_t>(microbatch), static_cast<uint64_t>(cell),
                                 static_cast<uint64_t>(source)});
    for (int64_t token = 0; token < shape.tokens_per_source; ++token) {
      for (int e = 0; e < shape.experts; ++e) {
        times[e] = static_cast<float>(-std::log(1 - random.uniform()) / weights[e]);
      }
      choose_experts(router.rule_, times, static_cast<float>(scale), chosen);
      take_token({router.rule_, slots, capacity, shape.ranks_per_node, source}, chosen, sets, out);
    }
    if (spec.capacity_factor > 0 && spec.pad_to_capacity) {
      pad_to_capacity(layer.slots, static_cast<int32_t>(capacity), source, out);
    }
  }
}

}  // namespace moesim
