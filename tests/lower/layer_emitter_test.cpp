#include "lower/layer_emitter.hpp"

#include <map>
#include <string>

#include "catch.hpp"
#include "lower/story.hpp"

using namespace moesim;

namespace {

// Seconds of every operator on rank 0 in all blocks of a kind, in this phase.
std::map<std::string, double> seconds_by_op(LoweredStep& step, Phase phase) {
  std::map<std::string, double> seconds;
  for_each_task(step, [&](const Block&, const TaskGraph&, const Task& task, const InstanceData&) {
    if (task.kind != TaskKind::compute || task.rank != 0 || task.draw >= 0) return;
    for (const ChainPart& part : step.program.chains[task.payload].parts)
      if (part.phase == phase) seconds[step.program.op_names[part.op]] += part.seconds;
  });
  return seconds;
}

}  // namespace

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

TEST_CASE("selective recomputation runs again what it names, as long as the forward took") {
  Plan plan;
  plan.recompute = Recompute::selective;
  plan.recompute_modules = {RecomputeModule::core_attn, RecomputeModule::mlp};
  const auto step = lower(dense_model(2), ideal_pod(1), plan, tiny_batch(2));
  const auto once = seconds_by_op(*step, Phase::forward);
  const auto again = seconds_by_op(*step, Phase::recompute);
  CHECK(again.at("attention") == Approx(once.at("attention")));
  CHECK(again.at("dense_ffn") == Approx(once.at("dense_ffn")));
  CHECK_FALSE(again.contains("qkv_projection"));
  CHECK_FALSE(again.contains("logits"));
}

TEST_CASE("weight gradients apart from a backward are the same seconds of the same operators") {
  const auto seconds = [](ScheduleKind kind) {
    Plan plan;
    plan.pp = 2;
    plan.schedule = kind;
    const auto step = lower(dense_model(4), ideal_pod(2), plan, tiny_batch(8));
    auto all = seconds_by_op(*step, Phase::backward);
    for (const auto& [op, more] : seconds_by_op(*step, Phase::weight_gradient)) all[op] += more;
    return all;
  };
  const auto joint = seconds(ScheduleKind::one_f_one_b), apart = seconds(ScheduleKind::zb_h1);
  REQUIRE(joint.size() == apart.size());
  for (const auto& [op, sum] : joint) {
    INFO(op);
    CHECK(apart.at(op) == Approx(sum).epsilon(0.02));
  }
}

TEST_CASE("ring attention passes the other ranks' keys and values once") {
  Plan plan;
  plan.cp = 4;
  const auto step = lower(dense_model(1), ideal_pod(4), plan, tiny_batch(1));
  std::map<std::string, double> bytes;
  for_each_task(
      *step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.kind != TaskKind::transfer || task.stream != Stream::cp) return;
        for (const Flow& flow : flows_of(graph, task, data))
          bytes[task.phase == Phase::forward ? "forward" : "backward"] += flow.bytes;
      });
  // 256 of 1,024 tokens, 4 KV heads of 64, K and V in bf16: from each of 4 ranks three times.
  const double share = 256.0 * 4 * 64 * 2 * 2;
  CHECK(bytes.at("forward") == Approx(4 * 3 * share));
  CHECK(bytes.at("backward") == Approx(2 * 4 * 3 * share));
}
