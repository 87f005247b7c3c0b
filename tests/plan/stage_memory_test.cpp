#include "plan/stage_memory.hpp"

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

std::vector<StageMemoryNeed> need_of(Plan plan, int microbatches, double overload = 1) {
  const ModelShape model = moe_model(8);
  Shard shard;
  shard.sequence_length = 1024;
  const Mapping mapping = derive_mapping(plan, plan.pp, 8, {microbatches, 1, 1024});
  return stage_memory(model, plan, mapping, shard, partition_layers(model, plan),
                      std::vector<double>(static_cast<size_t>(plan.pp), overload));
}

}  // namespace

TEST_CASE("activations of a stage follow the microbatches that its schedule keeps alive") {
  Plan plan;
  plan.pp = 4;
  const auto activations = [&](ScheduleKind kind, int stage) {
    plan.schedule = kind;
    return need_of(plan, 16)[stage].activations_bytes;
  };
  const double one_f = activations(ScheduleKind::one_f_one_b, 1),
               gpipe = activations(ScheduleKind::gpipe, 1);
  const double zb_2p = activations(ScheduleKind::zb_2p, 1),
               zb_h1 = activations(ScheduleKind::zb_h1, 1);
  CHECK(gpipe > zb_2p);
  CHECK(zb_2p > zb_h1);
  CHECK(zb_h1 >= one_f);
  // 16 microbatches at once, 8 and 3, above the workspace that all have.
  CHECK((gpipe - one_f) / 13 == Approx((zb_2p - one_f) / 5).epsilon(1e-6));
}

TEST_CASE("DualPipe holds two slices of the model, its optimizer state over twice the replicas") {
  Plan plan;
  plan.pp = 4;
  const auto one = need_of(plan, 16);
  plan.schedule = ScheduleKind::dualpipe;
  const auto two = need_of(plan, 16);
  for (int stage = 0; stage < 4; ++stage) {
    CHECK(two[stage].state.parameters ==
          Approx(one[stage].state.parameters + one[3 - stage].state.parameters));
    CHECK(two[stage].state.optimizer ==
          Approx((one[stage].state.optimizer + one[3 - stage].state.optimizer) / 2));
  }
}

TEST_CASE("a hot rank holds more activations") {
  Plan plan;
  plan.pp = 2;
  CHECK(need_of(plan, 8, 1.5)[0].activations_bytes > need_of(plan, 8, 1)[0].activations_bytes);
}
