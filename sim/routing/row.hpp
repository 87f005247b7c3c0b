// Draws how many tokens of one source go to each expert without drawing the tokens: one row of the
// token matrix.
//
// A count is binomial(tokens, load) exactly, since tokens are independent. Counts of one source add
// up to tokens * top_k, so they are drawn as independent normals (binomials where few are expected)
// and projected onto that sum in proportion to their variance; with node limits, group totals get a
// spread of their own first.
#pragma once

#include <span>
#include <vector>

#include "base/random.hpp"
#include "routing/layer.hpp"
#include "routing/variates.hpp"

namespace moesim {

// Expected copies and distinct tokens of one source per rank or node, and how distinct tokens move
// with copies.
struct DistinctModel {
  std::vector<float> copies;
  std::vector<float> tokens;
  std::vector<float> slope;
};

struct RowModel {
  std::vector<float> mean;    // copies per expert
  std::vector<float> sigma;   // before projection
  std::vector<float> weight;  // share of the expert in its group's correction; sums to 1 per group
  std::vector<float> group_sigma;
  std::vector<float> group_weight;
  std::vector<int>
      scarce;  // experts drawn as binomials: few tokens are expected to come, or to stay away
  std::vector<double> none;  // of those: P(no success), see small_binomial
  DistinctModel ranks;
  DistinctModel nodes;
};

// rates[e] = -log(1 - load of e). Allocates nothing once `model` has seen the shape.
void build_row_model(const TokenRule& rule, const LayerRouting& layer, int64_t tokens,
                     std::span<const float> rates, RowModel& model);

// counts[e] in [0, tokens], summing to tokens * top_k. `deviation` is scratch.
void draw_row(const TokenRule& rule, const RowModel& model, int64_t tokens, Random& random,
              std::span<int32_t> counts, std::vector<float>& deviation);

}  // namespace moesim
