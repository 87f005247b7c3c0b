#include "routing/matrix.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

struct Bounds {
  int32_t low, high;
};

// Returns the expected distinct tokens of a set, moved along with how many copies were drawn, as a
// whole number within the bounds.
int32_t distinct(const DistinctModel& model, int set, int32_t copies, Bounds bounds) {
  const float value =
      model.tokens[set] + model.slope[set] * (static_cast<float>(copies) - model.copies[set]);
  return std::max(bounds.low,
                  std::min(bounds.high, static_cast<int32_t>(std::max(value, 0.0f) + 0.5f)));
}

}  // namespace

int64_t RoutedTokens::expert_rows(int expert) const {
  int64_t rows = 0;
  for (int source = 0; source < sources; ++source)
    rows += counts[static_cast<size_t>(source) * experts + expert];
  return rows;
}

int64_t RoutedTokens::rank_rows(int rank) const {
  const auto rows = rows_of_rank(rank);
  return std::accumulate(rows.begin(), rows.end(), int64_t{0});
}

double RoutedTokens::overload_factor() const {
  int64_t most = 0, total = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const int64_t rows = rank_rows(rank);
    most = std::max(most, rows);
    total += rows;
  }
  return total > 0 ? static_cast<double>(most) * ranks / static_cast<double>(total) : 1;
}

void drop_over_capacity(int32_t capacity, int source, RoutedTokens& matrix) {
  int32_t* counts = &matrix.counts[static_cast<size_t>(source) * matrix.experts];
  for (int e = 0; e < matrix.experts; ++e) {
    matrix.dropped_copies += std::max(counts[e] - capacity, 0);
    counts[e] = std::min(counts[e], capacity);
  }
}

void tally_copies(std::span<const Replica> slots, bool replicated, int source,
                  RoutedTokens& matrix) {
  const int32_t* counts = &matrix.counts[static_cast<size_t>(source) * matrix.experts];
  int32_t* copies = &matrix.rank_copies[static_cast<size_t>(source) * matrix.ranks];
  for (int rank = 0, slot = 0; rank < matrix.ranks; ++rank) {
    int32_t sum = 0;
    for (const int end = slot + matrix.slots_per_rank; slot < end; ++slot) {
      const int32_t count = counts[slots[slot].expert];
      const int32_t share = replicated ? replica_share(slots[slot], count, source) : count;
      matrix.slot_rows[slot] += share;
      sum += share;
    }
    copies[rank] = sum;
  }
}

// A token sends a rank at most as many copies as it has slots; a node's tokens are at least those
// of its busiest rank and at most those of all its ranks.
void estimate_distinct(const RowModel& row, int64_t tokens, int top_k, int ranks_per_node,
                       int source, RoutedTokens& matrix) {
  const int32_t* copies = &matrix.rank_copies[static_cast<size_t>(source) * matrix.ranks];
  int32_t* on_rank = &matrix.rank_tokens[static_cast<size_t>(source) * matrix.ranks];
  int32_t* on_node = &matrix.node_tokens[static_cast<size_t>(source) * matrix.nodes];
  const int32_t all = static_cast<int32_t>(tokens);
  const int per_rank = std::min(top_k, matrix.slots_per_rank);
  for (int rank = 0, node = 0; node < matrix.nodes; ++node) {
    int32_t node_copies = 0, rank_sum = 0, rank_most = 0;
    for (const int end = std::min(rank + ranks_per_node, matrix.ranks); rank < end; ++rank) {
      const Bounds bounds{(copies[rank] + per_rank - 1) / per_rank, std::min(copies[rank], all)};
      on_rank[rank] = distinct(row.ranks, rank, copies[rank], bounds);
      node_copies += copies[rank];
      rank_sum += on_rank[rank];
      rank_most = std::max(rank_most, on_rank[rank]);
    }
    const Bounds bounds{std::max(rank_most, (node_copies + top_k - 1) / top_k),
                        std::min(rank_sum, all)};
    on_node[node] = distinct(row.nodes, node, node_copies, bounds);
  }
}

void pad_to_capacity(std::span<const Replica> slots, int32_t capacity, int source,
                     RoutedTokens& matrix) {
  int32_t* counts = &matrix.counts[static_cast<size_t>(source) * matrix.experts];
  int32_t* copies = &matrix.rank_copies[static_cast<size_t>(source) * matrix.ranks];
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    const int32_t padding = replica_share(slots[slot], capacity, source) -
                            replica_share(slots[slot], counts[slots[slot].expert], source);
    matrix.slot_rows[slot] += padding;
    copies[slot / matrix.slots_per_rank] += padding;
    matrix.padding_copies += padding;
  }
  std::fill(counts, counts + matrix.experts, capacity);
}

}  // namespace moesim
