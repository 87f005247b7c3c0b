#include "lower/block_emitter.hpp"

#include <string>

#include "catch.hpp"
#include "lower/story.hpp"

using namespace moesim;

TEST_CASE("a forward block: attention, dispatch, experts, combine, then the loss") {
  const auto step = lower(moe_model(1), ideal_pod(2), experts_over(2), tiny_batch(4));
  CHECK(story(*step, BlockKind::forward) == "attention; dispatch; expert_fc1; combine; logits; ");
}

TEST_CASE("an overlapped block changes lanes wherever tokens are on their way") {
  Plan plan = experts_over(2);
  plan.pp = 2;
  plan.schedule = ScheduleKind::dualpipe;
  plan.overlap_blocks = true;
  const auto step = lower(moe_model(2), ideal_pod(4), plan, tiny_batch(16));
  const std::string told = story(*step, BlockKind::overlapped);
  INFO(told);
  // The backward lane sends first; then the forward's attention computes while its tokens travel.
  const size_t sent = told.find("*combine backward; "), attention = told.find("; attention; ");
  const size_t experts = told.find("*expert_fc1; ");
  REQUIRE(sent != std::string::npos);
  REQUIRE(attention != std::string::npos);
  CHECK(sent < attention);
  CHECK(attention < experts);
}
