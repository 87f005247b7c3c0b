#include "routing/routing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "routing/popularity.hpp"

namespace moesim {
namespace {

constexpr uint64_t row_stream = 131;

// Over these layers the mean overload factor spreads by about 3 % at a factor of 2.
constexpr int probe_layers = 24;
constexpr int probe_microbatches = 2;
constexpr int bisections = 10;

// Calibration tokens per layer: as many as cost a few milliseconds. With 256 experts the mean
// number of distinct ranks of a token is then known to 0.2 %, and with node limits the share of a
// group to 2 % (where groups differ; equal ones come out equal).
int calibration_tokens(const TokenRule& rule) {
  const int tokens = std::clamp((1 << 20) / rule.experts, 4096, 32768);
  return rule.grouped() ? tokens / rule.n_group : tokens;
}

// The request as it is drawn from. Throws InputError where it does not fit its shape.
RoutingSpec sound(const RoutingSpec& spec, const RoutingShape& shape, uint64_t seed) {
  Problems problems;
  check_routing(spec, shape, {}, problems);
  if (!problems.empty()) throw InputError(std::move(problems));
  return spec.target_overload > 0 ? with_target_overload(spec, shape, seed) : spec;
}

}  // namespace

Router::Router(const RoutingSpec& spec, const RoutingShape& shape, int layers, uint64_t seed)
    : spec_(sound(spec, shape, seed)),
      shape_(shape),
      rule_{shape.experts, shape.top_k, shape.n_group, shape.topk_group},
      seed_(seed) {
  MOESIM_CHECK(shape.sources > 0 && shape.ranks > 0 && shape.tokens_per_source >= 0 && layers > 0,
               "{} sources, {} ranks, {} tokens, {} layers", shape.sources, shape.ranks,
               shape.tokens_per_source, layers);
  add_layers(layers);
}

void Router::add_layers(int layers) {
  const TokenSet tokens(rule_, calibration_tokens(rule_), seed_);
  const bool loads_given =
      spec_.kind == RoutingKind::histogram || spec_.kind == RoutingKind::recorded;
  const bool compensates = loads_given && rule_.grouped();
  if (compensates || spec_.jitter > 0 || spec_.source_correlation > 0)
    group_gain_ = group_gain(rule_, tokens);
  const auto popularity_at = [&](int step) {
    auto popularity = layer_popularity(spec_, shape_.experts, shape_.top_k, layers, seed_, step);
    for (auto& weights : popularity) {
      if (compensates) compensate_gain(rule_, group_gain_, weights);
    }
    return popularity;
  };
  const auto now = popularity_at(spec_.step);
  const int placed_step = spec_.step - spec_.step % std::max(spec_.placement_period, 1);
  const auto placed = placed_step == spec_.step ? now : popularity_at(placed_step);
  for (int layer = 0; layer < layers; ++layer) {
    const bool repeated =
        layer > 0 && now[layer] == now[layer - 1] && placed[layer] == placed[layer - 1];
    if (!repeated) {
      const std::vector<int> choices = tokens.choices(now[layer]);
      std::vector<double> loads = expected_loads(rule_, now[layer], choices);
      ExpertPlacement placement =
          place(placed[layer] == now[layer]
                    ? loads
                    : expected_loads(rule_, placed[layer], tokens.choices(placed[layer])));
      Layer model{make_layer_routing(rule_, now[layer], std::move(loads), choices,
                                     std::move(placement), shape_.ranks_per_node),
                  {},
                  {}};
      for (double load : model.loads)
        model.rates.push_back(static_cast<float>(slot_rate({0, 0, 1}, load)));
      build_row_model(rule_, model, shape_.tokens_per_source, model.rates, model.row);
      models_.push_back(std::move(model));
    }
    index_of_layer_.push_back(static_cast<int>(models_.size()) - 1);
  }
}

ExpertPlacement Router::place(const std::vector<double>& loads) const {
  const int slots = shape_.experts + spec_.redundant_experts;
  switch (spec_.placement) {
    case Placement::contiguous:
      return contiguous_placement(shape_.experts, shape_.ranks);
    case Placement::round_robin:
      return round_robin_placement(shape_.experts, shape_.ranks);
    case Placement::table:
      return {shape_.ranks, static_cast<int>(spec_.expert_of_slot.size()) / shape_.ranks,
              spec_.expert_of_slot};
    case Placement::eplb: {
      const int nodes = shape_.nodes();
      if (shape_.n_group > 1 && shape_.n_group % nodes == 0 && shape_.ranks % nodes == 0) {
        return eplb_hierarchical(loads, slots, shape_.ranks, nodes, shape_.n_group);
      }
      return eplb_global(loads, slots, shape_.ranks);
    }
    case Placement::eplb_global:
      return eplb_global(loads, slots, shape_.ranks);
  }
  MOESIM_CHECK(false, "placement {}", static_cast<int>(spec_.placement));
}

const Router::Layer& Router::at(int layer) const {
  MOESIM_CHECK(layer >= 0 && layer < static_cast<int>(index_of_layer_.size()), "layer {} of {}",
               layer, index_of_layer_.size());
  return models_[index_of_layer_[layer]];
}

int32_t Router::capacity() const {
  const double even = static_cast<double>(shape_.tokens_per_source) * shape_.top_k / shape_.experts;
  return static_cast<int32_t>(std::min(std::ceil(even * spec_.capacity_factor - 1e-9), 1e9));
}

void Router::shape_output(const Layer& layer, RoutedTokens& out) const {
  out.sources = shape_.sources;
  out.experts = shape_.experts;
  out.ranks = shape_.ranks;
  out.nodes = shape_.nodes();
  out.slots_per_rank = layer.placement.slots_per_rank;
  const size_t sources = shape_.sources;
  out.counts.resize(sources * out.experts);  // every element of these is written ...
  out.rank_copies.resize(sources * out.ranks);
  out.rank_tokens.resize(sources * out.ranks);
  out.node_tokens.resize(sources * out.nodes);
  out.slot_rows.assign(layer.placement.slots(), 0);  // ... and this sums over sources
  out.dropped_copies = out.padding_copies = 0;
}

void Router::finish_source(const Layer& layer, const RowModel& row, int source,
                           RoutedTokens& out) const {
  const bool limited = spec_.capacity_factor > 0;
  if (limited) drop_over_capacity(capacity(), source, out);
  tally_copies(layer.slots, layer.replicated, source, out);
  estimate_distinct(row, shape_.tokens_per_source, shape_.top_k, shape_.ranks_per_node, source,
                    out);
  if (limited && spec_.pad_to_capacity) pad_to_capacity(layer.slots, capacity(), source, out);
}

void Router::sample_balanced(const Layer& layer, RoutedTokens& out) const {
  const int64_t copies = shape_.tokens_per_source * shape_.top_k;
  const int32_t each = static_cast<int32_t>(copies / shape_.experts);
  const int64_t rest = copies % shape_.experts;
  for (int source = 0; source < shape_.sources; ++source) {
    int32_t* counts = &out.counts[static_cast<size_t>(source) * shape_.experts];
    std::fill(counts, counts + shape_.experts, each);
    for (int64_t i = 0; i < rest; ++i) ++counts[(source * rest + i) % shape_.experts];
    finish_source(layer, layer.row, source, out);
  }
}

// Every source deals the experts out alike, beginning with the first, so that the row of one serves
// all; after experts / gcd(experts, top_k) tokens the deal begins again.
void Router::sample_in_turn(const Layer& layer, RoutedTokens& out) const {
  const int experts = shape_.experts, period = experts / std::gcd(experts, shape_.top_k);
  std::vector<int> rank_of(experts), ranks;
  for (size_t slot = 0; slot < layer.slots.size(); ++slot)
    rank_of[layer.slots[slot].expert] = static_cast<int>(slot) / out.slots_per_rank;
  std::fill(out.counts.begin(), out.counts.end(), 0);
  std::fill(out.rank_tokens.begin(), out.rank_tokens.end(), 0);
  std::fill(out.node_tokens.begin(), out.node_tokens.end(), 0);
  for (int token = 0; token < period; ++token) {
    const auto times = static_cast<int32_t>(shape_.tokens_per_source / period +
                                            (token < shape_.tokens_per_source % period ? 1 : 0));
    ranks.clear();
    for (int i = 0; i < shape_.top_k; ++i) {
      const int expert = (token * shape_.top_k + i) % experts;
      out.counts[expert] += times;
      ranks.push_back(rank_of[expert]);
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    for (size_t i = 0; i < ranks.size(); ++i) {
      const int node = ranks[i] / shape_.ranks_per_node;
      out.rank_tokens[ranks[i]] += times;
      if (i == 0 || ranks[i - 1] / shape_.ranks_per_node != node) out.node_tokens[node] += times;
    }
  }
  for (int source = 0; source < shape_.sources; ++source) {
    const auto repeat = [source](std::vector<int32_t>& rows, int width) {
      if (source > 0)
        std::copy_n(rows.begin(), width,
                    rows.begin() + static_cast<std::ptrdiff_t>(source) * width);
    };
    repeat(out.counts, experts);
    repeat(out.rank_tokens, out.ranks);
    repeat(out.node_tokens, out.nodes);
    tally_copies(layer.slots, layer.replicated, source, out);
  }
}

void Router::sample(int layer_index, int microbatch, int cell, RoutedTokens& out) const {
  const Layer& layer = at(layer_index);
  shape_output(layer, out);
  if (spec_.kind == RoutingKind::balanced) return sample_balanced(layer, out);
  if (spec_.kind == RoutingKind::in_turn) return sample_in_turn(layer, out);
  RoutingScratch& scratch = out.scratch;
  const RowModel* row = &layer.row;
  const auto disturb = [&](std::vector<float>& factor) {
    if (rule_.grouped()) amplify_groups(layer.rates, rule_.group_size(), group_gain_, factor);
    disturb_rates(layer.rates, factor, shape_.top_k, scratch.rates);
    build_row_model(rule_, layer, shape_.tokens_per_source, scratch.rates, scratch.row);
    row = &scratch.row;
  };
  const bool per_source = spec_.source_correlation > 0;
  if (spec_.jitter > 0 || per_source) {
    fill_microbatch_factor(spec_, shape_.experts, seed_, layer_index, microbatch, cell,
                           scratch.microbatch_factor);
    if (!per_source) disturb(scratch.microbatch_factor);
  }
  for (int source = 0; source < shape_.sources; ++source) {
    if (per_source) {
      scratch.source_factor = scratch.microbatch_factor;
      multiply_source_factor(spec_, seed_, layer_index, cell, source, scratch.source_factor);
      disturb(scratch.source_factor);
    }
    Random random(
        seed_, {row_stream, static_cast<uint64_t>(layer_index), static_cast<uint64_t>(microbatch),
                static_cast<uint64_t>(cell), static_cast<uint64_t>(source)});
    const std::span counts(&out.counts[static_cast<size_t>(source) * shape_.experts],
                           shape_.experts);
    draw_row(rule_, *row, shape_.tokens_per_source, random, counts, scratch.deviation);
    finish_source(layer, *row, source, out);
  }
}

double mean_overload_factor(const RoutingSpec& spec, const RoutingShape& shape, int layers,
                            int microbatches, uint64_t seed) {
  const Router router(spec, shape, layers, seed);
  RoutedTokens tokens;
  double sum = 0;
  for (int layer = 0; layer < layers; ++layer) {
    for (int microbatch = 0; microbatch < microbatches; ++microbatch) {
      router.sample(layer, microbatch, 0, tokens);
      sum += tokens.overload_factor();
    }
  }
  return sum / (layers * microbatches);
}

RoutingSpec with_target_overload(const RoutingSpec& spec, const RoutingShape& shape,
                                 uint64_t seed) {
  RoutingSpec result = spec;
  result.target_overload = 0;
  const bool zipf = spec.kind == RoutingKind::zipf;
  if (spec.target_overload <= 0 || (!zipf && spec.kind != RoutingKind::dirichlet)) return result;
  // Position 0 is even, 1 is the most skewed end; the same random numbers at every position make it
  // monotone.
  const auto set = [&](double position) {
    if (zipf) {
      result.exponent = 4 * position;
    } else {
      result.concentration = 1e4 * std::pow(1e-6, position);
    }
  };
  double low = 0, high = 1;
  for (int i = 0; i < bisections; ++i) {
    const double middle = 0.5 * (low + high);
    set(middle);
    const double reached =
        mean_overload_factor(result, shape, probe_layers, probe_microbatches, seed);
    (reached < spec.target_overload ? low : high) = middle;
  }
  set(0.5 * (low + high));
  return result;
}

}  // namespace moesim
