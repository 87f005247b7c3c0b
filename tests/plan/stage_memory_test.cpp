#include "plan/stage_memory.hpp"

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "plan/shard.hpp"

using namespace moesim;

namespace {

std::vector<StageMemoryNeed> need_of(Plan plan, int microbatches, double overload = 1) {
  const ModelShape model = moe_model(8);
  Shard shard;
  shard.sequence_length = 1024;
  shard.memory = plan.memory;
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
  // 16 microbatches at once, 8 and 3, above the layer at work that all have.
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

TEST_CASE("a stage of one layer and one microbatch, counted by hand") {
  Plan plan;
  ModelShape model = dense_model(1);
  model.kv_heads = 8;
  const Batch batch{1, 1, 1024};
  const Mapping mapping = derive_mapping(plan, 1, 8, batch);
  const Shard shard = derive_shard(model, plan, batch, 0);
  const StageMemoryNeed need =
      stage_memory(model, plan, mapping, shard, partition_layers(model, plan), std::vector{1.0})[0];
  // 18 bytes a parameter: 4 h^2 of attention, 3 h f, norms, embedding and logits.
  const double h = 512, f = 1024, v = 1024, t = 1024;
  CHECK(need.state.total() == Approx(18 * (4 * h * h + 3 * h * f + 3 * h + 2 * v * h)));
  // 16 h + 6 f + 4 heads bytes a token of the layer, 4 h + 2 v of the output; at the fullest moment
  // SwiGLU's gradients (4 f + 2 f, 2 f of fc2's input freed) and the residual's, once the logits
  // are gone.
  const double layer = t * (16 * h + 6 * f + 4 * 8), output = t * (4 * h + 2 * v);
  const double work = t * (2 * h + 4 * f);
  CHECK(need.activations_bytes == Approx(std::max(layer + output + t * 2 * h, layer + work)));
  CHECK(need.op.kind == OpKind::backward);
  REQUIRE(need.held.size() >= 4);
  double sum = 0;
  for (const HeldBytes& held : need.held) sum += held.bytes;
  CHECK(sum == Approx(need.total()));
  CHECK(need.held[0].name == "optimizer");
  REQUIRE(need.operations.size() == 2);
  CHECK(need.operations[0].saved == 0);
  CHECK(need.operations[1].saved == Approx(layer + output));
}

TEST_CASE("recompute_layers keeps what the other layers of a chunk save") {
  Plan plan;
  const auto activations = [&](Recompute kind, int layers) {
    plan.recompute = kind;
    plan.recompute_layers = layers;
    return need_of(plan, 1)[0].activations_bytes;
  };
  const double all = activations(Recompute::none, 0), none = activations(Recompute::full, 0);
  const double half = activations(Recompute::full, 4);
  CHECK(none < half);
  CHECK(half < all);
  CHECK(activations(Recompute::full, 8) == Approx(none));
}

TEST_CASE("a framework's buffers: one for each shape of weights, whole layers of ZeRO 3") {
  Plan plan;
  plan.memory.weight_gradient_buffers = true;
  const auto with = need_of(plan, 1);
  // Queries with keys and values, and the projection; experts are not counted.
  CHECK(with[0].buffers_bytes == Approx(2.0 * 512 * (512 + 2 * 4 * 64) + 2.0 * 512 * 512));
  plan.memory.expert_gradient_buffers = true;
  // fc1 with its gate is 512 x 512, as the projection, and shares its buffer; fc2 is 256 x 512.
  CHECK(need_of(plan, 1)[0].buffers_bytes - with[0].buffers_bytes == Approx(2.0 * 256 * 512));
  plan.memory = {};
  plan.zero_stage = 3;
  const double sharded = need_of(plan, 1)[0].buffers_bytes;
  plan.memory.keeps_gathered = true;
  CHECK(need_of(plan, 1)[0].buffers_bytes > sharded);
  plan.memory.sums_whole_gradients = true;
  CHECK(need_of(plan, 1)[0].buffers_bytes < need_of(plan, 2)[0].buffers_bytes);
}

TEST_CASE("a stage that needs the embedding elsewhere holds a copy of it") {
  Plan plan;
  plan.pp = 2;
  const auto last = [&](ModelShape model) {
    const Mapping mapping = derive_mapping(plan, 2, 8, {2, 1, 1024});
    Shard shard;
    shard.sequence_length = 1024;
    return stage_memory(model, plan, mapping, shard, partition_layers(model, plan),
                        std::vector{1.0, 1.0})[1]
        .state.total();
  };
  ModelShape model = dense_model(4);
  const double plain = last(model), embedding = 18.0 * 1024 * 512;
  model.tied_embeddings = true;
  CHECK(last(model) == Approx(plain));  // the copy in the place of the logits' matrix
  model = dense_model(4);
  model.mtp_layers = 1;
  const double layer = 18 * (512.0 * (512 + 2 * 256) + 512 * 512 + 3 * 512 * 1024 + 2 * 512);
  const double extra = 18 * (3 * 512 + 2 * 512.0 * 512);
  CHECK(last(model) == Approx(plain + layer + extra + embedding));
}

TEST_CASE("fewer moments of the optimizer take less") {
  Plan plan;
  const double adam = need_of(plan, 1)[0].state.optimizer;
  plan.moments = 1;
  CHECK(need_of(plan, 1)[0].state.optimizer == Approx(adam * 8 / 12));
  plan.moments = 0;
  CHECK(need_of(plan, 1)[0].state.optimizer == Approx(adam * 4 / 12));
}
