// Token routing: how many tokens of each source rank go to each expert, per layer and microbatch.
// This one matrix drives dispatch and combine bytes, rows of the grouped GEMMs, memory of hot
// ranks, and through them the pipeline bubble. Takes a RoutingSpec and the shape of one
// expert-parallel group; knows nothing of bytes or time.
//
// Two samplers: `Router::sample` draws counts directly (docs/model/routing.md; 4 to 9 ns per
// count), and `sample_tokens_exactly` draws every token and is its oracle. Both are pure functions
// of (seed, layer, microbatch, cell).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/diagnostics.hpp"
#include "routing/layer.hpp"
#include "routing/matrix.hpp"
#include "routing/row.hpp"
#include "routing/spec.hpp"

namespace moesim {

// One expert-parallel group. tokens_per_source counts tokens that a source routes in one
// microbatch.
struct RoutingShape {
  int sources = 0;
  int64_t tokens_per_source = 0;
  int experts = 0, top_k = 0;
  int n_group = 1, topk_group = 1;
  int ranks = 0;           // ranks that hold experts
  int ranks_per_node = 8;  // consecutive ranks in one node; the last node may be partly used

  int nodes() const { return (ranks + ranks_per_node - 1) / ranks_per_node; }
};

// Problems of the request against the shape, each at its key below "routing." (paths as in
// RoutingSpec).
void check_routing(const RoutingSpec& spec, const RoutingShape& shape, const Place& place,
                   Problems& problems);

// Immutable after construction; `sample` may run in several threads on different outputs.
class Router {
 public:
  // Throws InputError where spec and shape have problems (check_routing). Searches for
  // spec.target_overload when that is set.
  Router(const RoutingSpec& spec, const RoutingShape& shape, int layers, uint64_t seed);

  // `cell` tells data-parallel replicas of the group apart. Allocates nothing once `out` has seen
  // the shape.
  void sample(int layer, int microbatch, int cell, RoutedTokens& out) const;

  const RoutingSpec& spec() const { return spec_; }  // with the target overload resolved
  const RoutingShape& shape() const { return shape_; }
  // Weights of the layer's race, sum 1, and P(a token picks the expert), sum top_k.
  std::span<const double> popularity(int layer) const { return at(layer).weights; }
  std::span<const double> loads(int layer) const { return at(layer).loads; }
  const ExpertPlacement& placement(int layer) const { return at(layer).placement; }

 private:
  friend void sample_tokens_exactly(const Router&, int layer, int microbatch, int cell,
                                    RoutedTokens& out);
  struct Layer : LayerRouting {
    std::vector<float> rates;  // -log(1 - load)
    RowModel row;
  };
  const Layer& at(int layer) const;
  ExpertPlacement place(const std::vector<double>& loads) const;
  void add_layers(int layers);
  void sample_balanced(const Layer& layer, RoutedTokens& out) const;
  void sample_in_turn(const Layer& layer, RoutedTokens& out) const;
  void finish_source(const Layer& layer, const RowModel& row, int source, RoutedTokens& out) const;
  void shape_output(const Layer& layer, RoutedTokens& out) const;
  int32_t capacity() const;

  RoutingSpec spec_;
  RoutingShape shape_;
  TokenRule rule_;
  uint64_t seed_;
  double group_gain_ = 1;
  std::vector<int> index_of_layer_;  // equal layers share one model
  std::vector<Layer> models_;
};

// The same from single tokens: each draws its top_k experts. Slow; for small cases and as oracle.
// The balanced kind has nothing to draw and comes out as `sample` has it.
void sample_tokens_exactly(const Router& router, int layer, int microbatch, int cell,
                           RoutedTokens& out);

// Published runs state an overload factor, not the distribution behind it: these find how skewed a
// routing must be to have it.

// Returns the most loaded rank over the mean rank, as the mean over layers and microbatches.
double mean_overload_factor(const RoutingSpec& spec, const RoutingShape& shape, int layers,
                            int microbatches, uint64_t seed);

// Returns the spec with exponent (zipf, in [0, 4]) or concentration (dirichlet, in [0.01, 1e4])
// such that the mean overload factor is spec.target_overload, and target_overload cleared. Other
// kinds come back as they are but for that. Where the target is out of reach (drawn tokens alone
// exceed it, or ranks cannot be loaded so unevenly) the nearest end results.
RoutingSpec with_target_overload(const RoutingSpec& spec, const RoutingShape& shape, uint64_t seed);

}  // namespace moesim
