#include "routing/matrix.hpp"

#include "catch.hpp"

namespace moesim {
namespace {

// Two sources, four experts; expert 0 has two replicas on three ranks of two slots.
struct Example {
  std::vector<Replica> slots = replicas_of({3, 2, {0, 1, 2, 0, 3, 1}}, 4);
  RoutedTokens matrix;

  Example() {
    matrix.sources = 2, matrix.experts = 4, matrix.ranks = 3, matrix.nodes = 2,
    matrix.slots_per_rank = 2;
    matrix.counts = {5, 4, 3, 0, 7, 0, 1, 4};
    matrix.rank_copies.resize(6);
    matrix.rank_tokens.resize(6);
    matrix.node_tokens.resize(4);
    matrix.slot_rows.assign(6, 0);
  }
  void tally() {
    for (int source : {0, 1}) tally_copies(slots, true, source, matrix);
  }
};

}  // namespace

TEST_CASE("tallied copies add up over slots, ranks and experts") {
  Example e;
  e.tally();
  REQUIRE(e.matrix.rank_copies == std::vector<int32_t>{5, 5, 2, 3, 5, 4});
  REQUIRE(e.matrix.slot_rows == std::vector<int32_t>{6, 2, 4, 6, 4, 2});
  REQUIRE(e.matrix.expert_rows(0) == 12);
  REQUIRE(e.matrix.rank_rows(1) == 10);
  REQUIRE(e.matrix.rows_of_rank(1)[0] == 4);
  REQUIRE(e.matrix.overload_factor() == Approx(10.0 / 8));
}

TEST_CASE("capacity cuts counts and counts what it dropped") {
  Example e;
  for (int source : {0, 1}) drop_over_capacity(4, source, e.matrix);
  REQUIRE(e.matrix.counts == std::vector<int32_t>{4, 4, 3, 0, 4, 0, 1, 4});
  REQUIRE(e.matrix.dropped_copies == 4);
}

TEST_CASE("padding fills every pair of source and expert, and ranks and slots with it") {
  Example e;
  for (int source : {0, 1}) {
    drop_over_capacity(4, source, e.matrix);
    tally_copies(e.slots, true, source, e.matrix);
    pad_to_capacity(e.slots, 4, source, e.matrix);
  }
  REQUIRE(e.matrix.counts == std::vector<int32_t>(8, 4));
  REQUIRE(e.matrix.slot_rows == std::vector<int32_t>{4, 4, 8, 4, 8, 4});
  REQUIRE(e.matrix.rank_copies == std::vector<int32_t>{4, 6, 6, 4, 6, 6});
  REQUIRE(e.matrix.padding_copies == 8 * 4 - 20);
}

TEST_CASE("distinct tokens follow copies within what is possible") {
  Example e;
  e.tally();
  RowModel row;
  row.ranks = {{5, 5, 2}, {4, 4, 2}, {0.5f, 0.5f, 1.0f}};
  row.nodes = {{10, 2}, {5, 2}, {0.4f, 1.0f}};
  for (int source : {0, 1}) estimate_distinct(row, 6, 2, 2, source, e.matrix);
  REQUIRE(e.matrix.rank_tokens[0] == 4);
  REQUIRE(e.matrix.rank_tokens[3] == 3);  // 4 + 0.5 * (3 - 5)
  REQUIRE(e.matrix.rank_tokens[5] == 4);  // 2 + 1 * (4 - 2)
  REQUIRE(e.matrix.node_tokens[0] == 5);
  REQUIRE(e.matrix.node_tokens[2] == 4);  // 5 + 0.4 * (8 - 10), rounded
  e.matrix.rank_copies[0] = 12;
  estimate_distinct(row, 6, 2, 2, 0, e.matrix);
  REQUIRE(e.matrix.rank_tokens[0] == 6);  // 12 copies of 6 tokens
}

TEST_CASE("rows are padded to tiles") {
  REQUIRE(padded_rows(0, 16) == 0);
  REQUIRE(padded_rows(1, 16) == 16);
  REQUIRE(padded_rows(32, 16) == 32);
  REQUIRE(padded_rows(33, 1) == 33);
}

}  // namespace moesim
