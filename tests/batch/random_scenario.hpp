// Small scenarios drawn at random, all of them sound: shapes, mappings, schedules, routings and
// overlaps mixed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "config/scenario.hpp"

namespace moesim {

class ScenarioDraw {
 public:
  explicit ScenarioDraw(uint64_t seed) : random_(seed, {42}) {}

  // What a user could write: drawn until the reader accepts it.
  Scenario draw() {
    while (true) {
      Scenario scenario = draw_any();
      try {
        const MemoryFiles files(
            std::map<std::string, std::string>{{"random.yaml", scenario_text(scenario)}});
        return load_scenario("random.yaml", {}, {{MOESIM_SOURCE_DIR}}, files).scenario;
      } catch (const InputError&) {
        ++refused_;
        if (refused_ > 1000) throw;
      }
    }
  }

 private:
  Scenario draw_any() {
    Scenario s;
    s.name = "random";
    const int gpus = pick({8, 16, 32});
    const char* platforms[] = {"h100-sxm", "h800-sxm", "b200-hgx"};
    s.platform = load_platform(platforms[pick({0, 1, 2})], {"gpus=" + std::to_string(gpus)},
                               {{MOESIM_SOURCE_DIR}});
    if (chance(0.3)) s.platform.pod().gpus_per_node = 4;
    if (chance(0.3)) {
      s.platform.pod().oversubscription = pick({2, 4});
      s.platform.pod().nodes_per_leaf = pick({1, 2, 4});
    }
    draw_plan(s, gpus);
    draw_model(s);
    draw_batch(s, gpus);
    draw_routing(s);
    return s;
  }

  void draw_plan(Scenario& s, int gpus) {
    Plan& plan = s.plan;
    plan.pp = pick({1, 1, 2, 4});
    const int stage = gpus / plan.pp;
    do {
      plan.tp = pick({1, 1, 2, 4});
      plan.cp = pick({1, 1, 1, 2});
    } while (stage % (plan.tp * plan.cp) != 0 || plan.tp > s.platform.pod().gpus_per_node);
    moe_ = chance(0.8);
    do {
      plan.ep = moe_ ? pick({1, 2, 4, 8, 16}) : 1;
      plan.etp = moe_ ? pick({1, 1, 1, 2}) : 1;
    } while (stage % (plan.ep * plan.etp) != 0);
    if (plan.pp > 1 && chance(0.4)) {
      plan.vpp = 2;
      plan.schedule = ScheduleKind::interleaved;
    }
    plan.sequence_parallel = plan.ep > 1 || chance(0.7);
    plan.cp_kind = chance(0.5) ? CpKind::ring : CpKind::all_gather;
    plan.zero_stage = pick({0, 1, 1, 3});
    plan.overlap_grad_reduce = chance(0.7);
    plan.overlap_param_gather = chance(0.7);
    plan.precision = chance(0.3) ? PrecisionRecipe::fp8_block : PrecisionRecipe::bf16;
    if (chance(0.3)) plan.dispatch_precision = PrecisionRecipe::fp8_block;
    plan.recompute = static_cast<Recompute>(pick({0, 0, 1, 2}));
    if (plan.recompute == Recompute::selective)
      plan.recompute_modules = {RecomputeModule::core_attn, RecomputeModule::layernorm,
                                chance(0.5) ? RecomputeModule::moe_act : RecomputeModule::moe,
                                RecomputeModule::mlp};
    plan.dispatcher = static_cast<Dispatcher>(pick({0, 1, 2}));
    if (chance(0.5)) plan.all_to_all = static_cast<CollectiveAlgorithm>(pick({1, 2, 3, 4}));
    plan.communication_sms = plan.dispatcher == Dispatcher::nccl ? 0 : pick({0, 20, 32});
    plan.cuda_graph = chance(0.3);
    plan.ep_overlap = plan.ep > 1 && chance(0.3);
    plan.overlap_shared_expert = chance(0.5);
    plan.align_param_gather = chance(0.5);
    plan.gather_in_step = plan.zero_stage != 1 || chance(0.8);
    plan.dp_buckets = chance(0.5) ? DpBuckets::megatron : DpBuckets::layer;
    if (chance(0.3)) plan.dp_bucket_bytes = 1e6 * pick({1, 10, 100});
    plan.gather_bytes = pick({1, 2});
    plan.fp8_output_proj = plan.precision != PrecisionRecipe::bf16 && chance(0.5);
    plan.moment_bytes = pick({2, 4});
    plan.gradient_bytes = pick({2, 4});
  }

  void draw_model(Scenario& s) {
    ModelShape& model = s.workload;
    model.name = "random";
    model.layers = s.plan.pp * s.plan.vpp * pick({1, 2});
    model.hidden = pick({512, 1024, 2048});
    model.vocab = pick({1024, 32000});
    model.heads = 8;
    model.kv_heads = pick({2, 4, 8});
    model.head_dim = pick({64, 128});
    model.dense_ffn = 2048;
    if (!moe_) return;
    model.experts = 16 * pick({1, 2, 4});
    model.top_k = pick({1, 2, 4, 8});
    model.moe_ffn = pick({256, 512, 1024});
    if (chance(0.3)) {
      model.shared_experts = 1;
      model.shared_ffn = 512;
    }
    if (chance(0.2)) model.first_dense_layers = 1;
    if (chance(0.2)) model.mtp_layers = 1;
  }

  void draw_batch(Scenario& s, int gpus) {
    const int dp = gpus / (s.plan.tp * s.plan.cp * s.plan.pp);
    s.batch.micro_batch = pick({1, 1, 2});
    s.batch.sequence_length = pick({512, 2048, 4096});
    s.batch.global_batch = dp * s.batch.micro_batch * s.plan.pp * pick({1, 2, 4});
  }

  void draw_routing(Scenario& s) {
    if (!moe_) return;
    const double kind = random_.uniform();
    if (kind < 0.4) return;
    s.routing.kind = kind < 0.6   ? RoutingKind::uniform
                     : kind < 0.8 ? RoutingKind::zipf
                                  : RoutingKind::dirichlet;
    s.routing.exponent = 0.6;
    s.routing.concentration = 2;
    s.routing.jitter = chance(0.5) ? 0.3 : 0;
    if (chance(0.3)) s.routing.capacity_factor = 1.25;
    if (chance(0.2)) s.routing.pad_rows_to = 128;
  }

  bool chance(double p) { return random_.uniform() < p; }
  int pick(std::initializer_list<int> values) {
    return values
        .begin()[static_cast<size_t>(random_.uniform() * static_cast<double>(values.size()))];
  }

  Random random_;
  bool moe_ = true;
  int refused_ = 0;
};

}  // namespace moesim
