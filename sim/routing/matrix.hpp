// The token matrix of one layer and microbatch: what every source rank sends to every expert, rank
// and node.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "routing/placement.hpp"
#include "routing/row.hpp"

namespace moesim {

struct RoutingScratch {
  RowModel row;
  std::vector<float> microbatch_factor, source_factor, rates, deviation;
};

// A "copy" is one token for one expert; copies and tokens include those that stay on their own rank
// or node.
struct RoutedTokens {
  int sources = 0, experts = 0, ranks = 0, nodes = 0, slots_per_rank = 0;
  std::vector<int32_t> counts;       // [source][expert] copies
  std::vector<int32_t> rank_copies;  // [source][rank] copies
  std::vector<int32_t>
      rank_tokens;  // [source][rank] distinct tokens with at least one copy for that rank
  std::vector<int32_t>
      node_tokens;  // [source][node] distinct tokens with at least one copy for that node
  std::vector<int32_t>
      slot_rows;  // [rank][local slot] copies from all sources: rows of the grouped GEMMs
  int64_t dropped_copies = 0;  // over capacity
  int64_t padding_copies =
      0;  // sent to fill capacity; in counts, rank_copies and slot_rows, not in tokens
  RoutingScratch scratch;

  std::span<const int32_t> rows_of_rank(int rank) const {
    return std::span(slot_rows).subspan(static_cast<size_t>(rank) * slots_per_rank, slots_per_rank);
  }
  int64_t expert_rows(int expert) const;
  int64_t rank_rows(int rank) const;
  // Most loaded rank over the mean rank (Megatron-LM's overload factor); 1 without tokens.
  double overload_factor() const;
};

// `rows` rounded up to a multiple (RoutingSpec::pad_rows_to).
inline int32_t padded_rows(int32_t rows, int32_t multiple) {
  return (rows + multiple - 1) / multiple * multiple;
}

// The steps from drawn counts of a source to its complete row, in this order.

// Cuts counts at `capacity`.
void drop_over_capacity(int32_t capacity, int source, RoutedTokens& matrix);

// Sets rank_copies and adds to slot_rows, replicas sharing evenly.
void tally_copies(std::span<const Replica> slots, bool replicated, int source,
                  RoutedTokens& matrix);

// Sets rank_tokens and node_tokens from copies: what is expected, moved along with how far copies
// are from what is expected, within what is possible for `tokens` tokens of top_k copies each.
void estimate_distinct(const RowModel& row, int64_t tokens, int top_k, int ranks_per_node,
                       int source, RoutedTokens& matrix);

// Fills counts, and with them rank_copies and slot_rows, up to `capacity`. No token stands behind
// padding.
void pad_to_capacity(std::span<const Replica> slots, int32_t capacity, int source,
                     RoutedTokens& matrix);

}  // namespace moesim
