#include "wafer/live_sram.hpp"

#include "catch.hpp"
#include "fixtures/executed.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

struct Ran {
  std::unique_ptr<LoweredWaferStep> step;
  LiveSram live;
  double part(SramTensor tensor) const { return live.peak_parts[static_cast<size_t>(tensor)]; }
};

Ran run(const ModelShape& model, const Plan& plan, const Batch& batch, WaferSystem system) {
  Ran ran;
  ran.step = lower_wafer_step({model, std::move(system), plan, {}, batch, 1});
  const Execution execution =
      execute_reference(ran.step->program, ran.step->context.fabric.fabric, *ran.step->work);
  ran.live = live_sram(*ran.step, execution.record, 0);
  return ran;
}

Plan plan_with(Recompute recompute, int tiles) {
  Plan plan;
  plan.recompute = recompute;
  plan.attention_tiles = tiles;
  plan.attention_batch = 2;
  return plan;
}

}  // namespace

TEST_CASE("the fullest moment of the record is what the planner says, and nothing is left behind") {
  for (const ModelShape& model : {dense_model(3), moe_model(3)})
    for (const Recompute recompute : {Recompute::none, Recompute::full})
      for (const auto saved : {SavedActivations::wafer, SavedActivations::host})
        for (const auto again : {AttentionAgain::batch, AttentionAgain::tiles})
          for (const auto scores : {AttentionScores::recomputed, AttentionScores::kept})
            for (const int tiles : {1, 4}) {
              Plan plan = plan_with(recompute, tiles);
              plan.saved_activations = saved;
              plan.attention_again = again;
              plan.attention_scores = scores;
              const Ran ran = run(model, plan, {2 * 2 * tiles, 1, 1024}, cs2_systems());
              const WaferMemory& planned = ran.step->context.plan.memory;
              INFO(model.experts << " experts, recompute " << spelling(recompute) << ", saved "
                                 << spelling(saved) << ", again " << spelling(again) << ", scores "
                                 << spelling(scores) << ", tiles " << tiles << ", planned "
                                 << planned.total() << ", live " << ran.live.peak_bytes);
              const double empty = planned.weights + planned.gradients;
              CHECK(ran.live.peak_bytes - empty == Approx(planned.total() - empty).epsilon(0.01));
              CHECK(ran.live.peak_bytes <= planned.total() * (1 + 1e-9));
              CHECK(ran.live.most_weights <= planned.weights);
              CHECK(ran.live.most_gradients <= planned.gradients);
              CHECK(ran.live.most_weights > 0);
              CHECK(ran.live.moments.front().bytes >= empty);
              CHECK(ran.live.moments.back().bytes == Approx(empty).epsilon(1e-9));
            }
}

// 3 layers, 4 sequences of 2,048 tokens: inputs of 3 layers, 2 B an element; three of the hidden
// state; scores of a tile of 2 sequences and their gradient beside those of the whole microbatch.
TEST_CASE("what is live at the peak, by hand") {
  const ModelShape model = dense_model(3);
  Plan plan = plan_with(Recompute::full, 2);
  const double input = 2.0 * 4 * 2048 * model.hidden;
  const Ran without = run(model, plan, {4, 1, 2048}, cs2_systems());
  CHECK(without.part(SramTensor::saved) == Approx(3 * input));
  CHECK(without.part(SramTensor::hidden) == Approx(3 * input));
  plan.attention_scores = AttentionScores::kept;
  const Ran kept = run(model, plan, {4, 1, 2048}, cs2_systems());
  const double scores = 2.0 * model.heads * 2048 * 2048;  // of one sequence
  CHECK(kept.part(SramTensor::recomputed) - without.part(SramTensor::recomputed) ==
        Approx(4 * scores));
  const WaferMemory &planned = kept.step->context.plan.memory,
                    &plain = without.step->context.plan.memory;
  CHECK(planned.attention - plain.attention == Approx(2 * scores));
  CHECK(kept.part(SramTensor::attention) == Approx(planned.attention));
  CHECK(kept.live.peak_at_s > 0);
}

TEST_CASE("held weights of two layers are in SRAM, not of all that the window would let through") {
  // Layers far smaller than the window, so that many could come early.
  Plan plan = plan_with(Recompute::full, 1);
  WaferSystem system = cs2_systems();
  const ModelShape model = dense_model(24);
  const Ran ran = run(model, plan, {2, 1, 1024}, system);
  const double held = 2 * wafer_held_parameters(model, 0);
  CHECK(ran.live.most_weights <= system.prefetch_bytes + 2 * held);
}
