// What must hold of every wafer system, tried on 500 drawn at random: more of anything never slows,
// more tiles never need more SRAM, and what crosses the tree does not depend on how many wafers
// hang on it.
#include <cmath>

#include "base/random.hpp"
#include "catch.hpp"
#include "fixtures/executed.hpp"
#include "fixtures/presets.hpp"
#include "wafer/live_sram.hpp"

using namespace moesim;

namespace {

constexpr uint64_t kDrawn = 500;

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed, {20}) {}

  WaferStepInput input() {
    WaferStepInput input;
    draw_model(input.model);
    draw_system(input.system);
    draw_plan(input.plan);
    input.batch.sequence_length = power(6, 11);
    input.batch.micro_batch = 1;
    input.batch.global_batch = whole(1, 2) * input.plan.attention_batch *
                               input.plan.attention_tiles * input.system.systems;
    input.routing.kind = RoutingKind::balanced;
    return input;
  }

 private:
  int whole(int low, int high) {
    return std::min(high, low + static_cast<int>(random_.uniform() * (high - low + 1)));
  }
  int power(int low, int high) { return 1 << whole(low, high); }
  // Around `middle`, up to eight times more or less.
  double near(double middle) { return middle * std::pow(8, 2 * random_.uniform() - 1); }
  bool coin() { return random_.uniform() < 0.5; }

  void draw_model(ModelShape& model) {
    model.name = "random";
    model.layers = whole(1, 4);
    model.hidden = power(7, 12);
    model.vocab = power(8, 15);
    model.tied_embeddings = coin();
    model.head_dim = power(5, 7);
    model.heads = power(1, 5);
    model.kv_heads = coin() ? model.heads : 1;
    model.dense_ffn = power(8, 13);
    if (coin()) return;
    model.experts = power(1, 6);
    model.top_k = std::min(model.experts, power(0, 3));
    model.moe_ffn = power(6, 11);
    model.first_dense_layers = whole(0, 1);
    if (coin()) model.shared_experts = 1, model.shared_ffn = power(6, 11);
  }

  void draw_system(WaferSystem& system) {
    system = cs2_systems();
    system.systems = power(0, 3);
    Wafer& wafer = system.wafer;
    wafer.grid_rows = whole(8, 1200);
    wafer.grid_columns = whole(8, 1200);
    wafer.weight_issue_cycles = 10 * random_.uniform();
    wafer.io_bytes_per_s = near(wafer.io_bytes_per_s);
    wafer.sram_bytes = near(20e9);
    system.memoryx.egress_bytes_per_s = near(system.memoryx.egress_bytes_per_s);
    system.memoryx.ingress_bytes_per_s = near(system.memoryx.ingress_bytes_per_s);
    system.memoryx.update_bytes_per_s = near(system.memoryx.update_bytes_per_s);
    system.swarmx.fan_out = power(1, 4);
    system.swarmx.level_bytes_per_s = {near(150e9), near(150e9)};
    system.prefetch_bytes = near(0.5e9);
    system.gradient_buffer_bytes = near(0.25e9);
  }

  void draw_plan(Plan& plan) {
    plan.recompute = coin() ? Recompute::full : Recompute::none;
    plan.attention_batch = whole(1, 4);
    plan.attention_tiles = power(0, 4);
    plan.saved_activations = coin() ? SavedActivations::automatic : SavedActivations::host;
    plan.attention_again = plan.recompute == Recompute::full
                               ? static_cast<AttentionAgain>(whole(0, 2))
                               : AttentionAgain::batch;
    plan.attention_scores = coin() ? AttentionScores::kept : AttentionScores::recomputed;
    if (coin()) {
      plan.weight_sparsity = 0.95 * random_.uniform();
      plan.sparse_gradients = coin();
    }
  }

  Random random_;
};

struct Ran {
  std::unique_ptr<LoweredWaferStep> step;
  Execution execution;
  double seconds() const { return execution.makespan_s; }
  double bytes(const std::string& link) const {
    const auto& links = step->context.fabric.fabric.links;
    for (size_t i = 0; i < links.size(); ++i)
      if (links[i].name == link) return execution.link_bytes[i];
    return -1;
  }
};

Ran run(const WaferStepInput& input) {
  Ran ran;
  ran.step = lower_wafer_step(input);
  ran.execution =
      execute_reference(ran.step->program, ran.step->context.fabric.fabric, *ran.step->work);
  return ran;
}

template <class Change>
double seconds_with(WaferStepInput input, const Change& change) {
  change(input);
  return run(input).seconds();
}

}  // namespace

TEST_CASE("doubling I/O, SwarmX, SRAM or cores never slows any of 500 random wafer systems") {
  for (uint64_t seed = 1; seed <= kDrawn; ++seed) {
    const WaferStepInput input = Draw(seed).input();
    const Ran ran = run(input);
    const double most = ran.seconds() * (1 + 1e-9);
    INFO("seed " << seed);
    CHECK(seconds_with(input, [](WaferStepInput& i) { i.system.wafer.io_bytes_per_s *= 2; }) <=
          most);
    CHECK(seconds_with(input, [](WaferStepInput& i) {
            for (double& level : i.system.swarmx.level_bytes_per_s) level *= 2;
          }) <= most);
    // More SRAM lets activations stay on the wafer and attention be held.
    CHECK(seconds_with(input, [](WaferStepInput& i) { i.system.wafer.sram_bytes *= 2; }) <= most);
    // A core brings its memory and its links.
    for (const bool rows : {false, true})
      CHECK(seconds_with(input, [&](WaferStepInput& i) {
              Wafer& wafer = i.system.wafer;
              (rows ? wafer.grid_rows : wafer.grid_columns) *= 2;
              wafer.sram_bytes *= 2;
              wafer.sram_bytes_per_s *= 2;
              wafer.fabric_bytes_per_s *= 2;
            }) <= most);
  }
}

TEST_CASE("of 500 random wafer systems none holds more than planned, or more in more tiles") {
  for (uint64_t seed = 1; seed <= kDrawn; ++seed) {
    const WaferStepInput input = Draw(seed).input();
    INFO("seed " << seed);
    const Ran ran = run(input);
    const WaferPlan& plan = ran.step->context.plan;
    const LiveSram live = live_sram(*ran.step, ran.execution.record, 0);
    const double buffers = plan.memory.weights + plan.memory.gradients;
    CHECK(live.peak_bytes <= plan.memory.total() * (1 + 1e-9));
    // With a host, how many layers' activations are on their way depends on how fast they leave.
    if (!plan.spill) CHECK(live.peak_bytes - buffers >= 0.99 * (plan.memory.total() - buffers));
    CHECK(live.most_weights <= plan.memory.weights * (1 + 1e-9));
    CHECK(live.most_gradients <= plan.memory.gradients * (1 + 1e-9));
    double before = 1e300;
    for (int attention_batch = 16; attention_batch >= 1; attention_batch /= 2) {
      const double bytes =
          wafer_memory(input.model, input.system, input.plan,
                       {16, attention_batch, input.batch.sequence_length, plan.spill, plan.again})
              .total();
      CHECK(bytes <= before);
      before = bytes;
    }
  }
}

TEST_CASE("what leaves and enters MemoryX does not depend on the number of wafers") {
  for (uint64_t seed = 1; seed <= kDrawn; ++seed) {
    WaferStepInput input = Draw(seed).input();
    INFO("seed " << seed);
    input.plan.simulated_replicas = 1;
    const Ran some = run(input);
    input.batch.global_batch *= 8;
    input.system.systems *= 8;
    const Ran many = run(input);
    for (const char* link : {"memoryx.out", "memoryx.in"})
      CHECK(many.bytes(link) == some.bytes(link));
    input.plan.simulated_replicas = std::min(input.system.systems, 3);
    const Ran simulated = run(input);
    CHECK(simulated.bytes("memoryx.out") == some.bytes("memoryx.out"));
    CHECK(simulated.seconds() == Approx(many.seconds()).epsilon(1e-9));
  }
}
