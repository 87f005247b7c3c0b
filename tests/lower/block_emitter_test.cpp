#include "lower/block_emitter.hpp"

#include <algorithm>
#include <string>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

// The operators of rank 0's compute tasks and of all transfers, in the order of emission; those of
// the second lane are marked.
std::string story(const LoweredStep& step, BlockKind kind) {
  const auto block = std::find_if(step.program.blocks.begin(), step.program.blocks.end(),
                                  [&](const Block& b) { return b.kind == kind; });
  REQUIRE(block != step.program.blocks.end());
  std::string text;
  for (const Task& task : step.program.templates[block->graph].tasks) {
    const std::string mark = task.lane == 1 ? "*" : "";
    if (task.kind == TaskKind::transfer && task.stream == Stream::ep)
      text += mark + step.program.op_names[task.op] + "; ";
    else if (task.kind == TaskKind::compute && task.rank == 0)
      for (const RunPart& part : step.program.runs[task.payload].parts)
        if (const std::string& op = step.program.op_names[part.op];
            op == "attention" || op == "expert_fc1" || op == "logits")
          text += mark + op + "; ";
  }
  return text;
}

Plan experts_over(int ep) {
  Plan plan;
  plan.ep = ep;
  return plan;
}

}  // namespace

TEST_CASE("a forward block: attention, dispatch, experts, combine, then the loss") {
  const auto step = lower(moe_model(1), ideal_pod(2), experts_over(2), tiny_batch(4));
  CHECK(story(*step, BlockKind::forward) == "attention; dispatch; expert_fc1; combine; logits; ");
}

TEST_CASE("a backward block goes the opposite way") {
  const auto step = lower(moe_model(1), ideal_pod(2), experts_over(2), tiny_batch(4));
  // Input and weight gradients of an operator follow each other.
  CHECK(story(*step, BlockKind::backward) ==
        "logits; logits; combine backward; expert_fc1; expert_fc1; dispatch backward; attention; ");
}

TEST_CASE("full recomputation runs the forward again, tokens travelling too") {
  Plan plan = experts_over(2);
  plan.recompute = Recompute::full;
  const auto step = lower(moe_model(1), ideal_pod(2), plan, tiny_batch(4));
  CHECK(story(*step, BlockKind::backward)
            .starts_with(
                "logits; logits; attention; dispatch; expert_fc1; combine; combine backward; "));
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
