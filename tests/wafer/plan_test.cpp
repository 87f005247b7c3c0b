#include "wafer/plan.hpp"

#include <numeric>

#include "catch.hpp"
#include "fixtures/presets.hpp"

using namespace moesim;

namespace {

Scenario qwen(const std::vector<std::string>& sets = {}) {
  return scenario_named("qwen3-30b-a3b-cs2", sets);
}
WaferPlan plan_of(const Scenario& s) {
  return derive_wafer_plan(s.workload, s.platform.wafers(), s.plan, s.batch);
}

}  // namespace

TEST_CASE("even parts differ by one at most") {
  CHECK(even_parts(10, 3) == std::vector<int>{4, 3, 3});
  CHECK(even_parts(8, 4) == std::vector<int>{2, 2, 2, 2});
  CHECK(even_parts(5, 1) == std::vector<int>{5});
}

TEST_CASE("sequences of a step are dealt over wafers, microbatches and tiles") {
  CHECK(plan_of(qwen()).microbatches == std::vector<int>(64, 4));
  CHECK(plan_of(qwen({"plan.attention_tiles=64"})).microbatches == std::vector<int>{256});
  CHECK(plan_of(qwen({"platform.systems=2", "plan.attention_tiles=16"})).microbatches ==
        std::vector<int>{64, 64});
  CHECK(plan_of(qwen({"batch.global_batch=10"})).microbatches == std::vector<int>{4, 3, 3});
  const WaferPlan open =
      plan_of(qwen({"batch.global_batch=auto", "platform.systems=3", "plan.attention_tiles=8"}));
  CHECK(open.microbatches == std::vector<int>{32});
  CHECK(open.global_batch == 96);
}

TEST_CASE("attention_batch: max fits, and one more does not") {
  for (const char* saved : {"wafer", "host", "auto"})
    for (const char* tiles : {"1", "4"}) {
      const std::vector<std::string> sets{std::string("plan.saved_activations=") + saved,
                                          std::string("plan.attention_tiles=") + tiles,
                                          "batch.global_batch=1048576"};
      auto most = sets;
      most.push_back("plan.attention_batch=max");
      const WaferPlan plan = plan_of(qwen(most));
      INFO(saved << " " << tiles << " " << plan.attention_batch);
      CHECK(plan.attention_batch > 1);
      CHECK(plan.memory.total() <= 40e9);
      auto more = sets;
      more.push_back("plan.attention_batch=" + std::to_string(plan.attention_batch + 1));
      CHECK(plan_of(qwen(more)).memory.total() > 40e9);
    }
}

TEST_CASE("activations stay on the wafer while they fit, and what breaks a batch has a name") {
  CHECK_FALSE(plan_of(qwen({"plan.attention_tiles=4"})).spill);
  CHECK(plan_of(qwen({"plan.attention_tiles=64"})).spill);
  const WaferPlan kept = plan_of(qwen({"plan.attention_tiles=64", "plan.saved_activations=wafer"}));
  CHECK_FALSE(kept.spill);
  CHECK(kept.memory.total() > 40e9);
  CHECK(kept.memory.largest() == "saved activations");
  // 48 layers' inputs of 524,288 tokens x 2,048 x 2 B.
  CHECK(kept.memory.saved == Approx(48 * 524288.0 * 2048 * 2));
  const WaferPlan wide = plan_of(
      qwen({"plan.attention_batch=256", "plan.saved_activations=host", "batch.global_batch=256"}));
  CHECK(wide.memory.total() > 40e9);
  CHECK(wide.memory.largest() == "logits");
}

TEST_CASE("recomputed attention of the whole microbatch is in SRAM at once, whatever the tiles") {
  const WaferPlan tiles = plan_of(qwen({"plan.attention_tiles=64"}));
  const WaferPlan whole = plan_of(qwen({"plan.attention_batch=256"}));
  // Per token two norms (2,048 each), Q (4,096), K and V (512 each), Q and K before their norm,
  // output (4,096), and in fp32 the softmax statistics of 32 heads.
  const double elements = 2 * 2048 + 4096 + 2 * 512 + (4096 + 512) + 4096 + 2 * 32;
  CHECK(tiles.memory.recomputed == Approx(524288.0 * 2 * elements).epsilon(0.001));
  CHECK(whole.memory.recomputed == tiles.memory.recomputed);
  CHECK(whole.memory.attention == Approx(64 * tiles.memory.attention));
  CHECK(tiles.memory.total() >
        tiles.memory.recomputed + tiles.memory.experts + tiles.memory.hidden);
  CHECK(tiles.memory.total() <= 40e9);
  const WaferPlan none = plan_of(qwen({"plan.attention_tiles=64", "plan.recompute=none"}));
  CHECK(none.memory.recomputed == 0);
  CHECK(none.memory.spilling >
        2 * tiles.memory.recomputed);  // it goes to the host instead, two layers deep
}

TEST_CASE("attention made again by tiles takes a tile's room, whatever the microbatch") {
  const std::vector<std::string> sets{"plan.attention_tiles=64", "batch.global_batch=256"};
  auto again = sets;
  again.push_back("plan.attention_again=tiles");
  const WaferPlan held = plan_of(qwen(sets)), tiles = plan_of(qwen(again));
  CHECK(tiles.again);
  // The input of the experts, 2,048 a token; a tile of 4 sequences with its gradients.
  CHECK(tiles.memory.recomputed == Approx(524288.0 * 2 * 2048));
  CHECK(tiles.memory.attention == Approx(2 * held.memory.attention));
  CHECK(tiles.memory.total() < 0.6 * held.memory.total());
  // Automatic: held while it fits.
  auto open = sets;
  open.push_back("plan.attention_again=auto");
  CHECK_FALSE(plan_of(qwen(open)).again);
  open.push_back("plan.attention_tiles=128");
  open.push_back("batch.global_batch=512");
  CHECK(plan_of(qwen(open)).again);
}

TEST_CASE("tiles to choose from: powers of two that fit and are not more than the batch") {
  const auto choices = [](const std::vector<std::string>& sets) {
    const Scenario s = qwen(sets);
    return wafer_tile_choices(s.workload, s.platform.wafers(), s.plan, s.batch);
  };
  CHECK(choices({"batch.global_batch=32"}) == std::vector<int>{1, 2, 4, 8});
  CHECK(choices({"batch.global_batch=auto"}).size() >
        choices({"batch.global_batch=auto", "plan.saved_activations=wafer"}).size());
}
