// Precision, activations, dispatchers, routing and graphs of a launch.
#include "import_fixture.hpp"

using namespace moesim;

namespace {

const std::string kParallel = kModel + kExperts + "--expert-model-parallel-size 8 ";

std::string without(std::string text, const std::string& argument) {
  text.erase(text.find(argument), argument.size());
  return text;
}

}  // namespace

TEST_CASE("precision of the GEMMs, of gathers, gradients and moments") {
  const auto precision = [](const std::string& more) {
    return value(imported(kModel + more), "plan.precision");
  };
  CHECK(precision("") == "bf16");
  CHECK(precision("--fp8-format hybrid") == "fp8-delayed");
  CHECK(precision("--fp8-format e4m3 --fp8-recipe blockwise") == "fp8-block");
  CHECK(precision("--fp8-format e4m3 --fp8-recipe tensorwise") == "fp8-current");
  CHECK(precision("--fp8-format e4m3 --fp8-recipe mxfp8") == "mxfp8");
  CHECK(precision("--fp4-format e2m1") == "nvfp4");
  const ImportedScenario s =
      imported(kModel +
               "--fp8-format e4m3 --fp8-recipe blockwise --fp8-param-gather --grad-reduce-in-bf16 "
               "--use-precision-aware-optimizer --exp-avg-dtype bf16 --exp-avg-sq-dtype fp8 "
               "--ddp-bucket-size 40000000");
  CHECK(value(s, "plan.gather_bytes") == "1");
  CHECK(value(s, "plan.gradient_bytes") == "2");
  CHECK(value(s, "plan.moment_bytes") == "1.5");
  CHECK(loaded(s).plan.dp_bucket_bytes == 80e6);
  CHECK(value(imported(kModel + "--fp8-param-gather --exp-avg-dtype bf16"), "plan.gather_bytes") ==
        "");
}

TEST_CASE("what is recomputed") {
  const auto plan = [](const std::string& more) { return loaded(imported(kParallel + more)).plan; };
  CHECK(plan("--recompute-granularity full --recompute-method uniform --recompute-num-layers 1")
            .recompute == Recompute::full);
  CHECK(plan("--recompute-granularity full --recompute-method block --recompute-num-layers 3")
            .recompute_layers == 3);
  CHECK(plan("--recompute-activations").recompute_modules ==
        std::vector<RecomputeModule>{RecomputeModule::core_attn});
  CHECK(plan("--recompute-granularity selective --recompute-modules moe_act layernorm")
            .recompute_modules ==
        std::vector<RecomputeModule>{RecomputeModule::moe_act, RecomputeModule::layernorm});
  const ImportedScenario s =
      imported(kParallel +
               "--recompute-granularity full --recompute-method uniform --recompute-num-layers 4");
  REQUIRE(s.not_modelled.size() == 1);
  CHECK(s.not_modelled[0].find("--recompute-num-layers 4, line 2: each layer keeps its input") ==
        0);
}

TEST_CASE("dispatchers and their SMs") {
  const std::string open = without(kParallel, "--moe-token-dispatcher-type alltoall");
  const auto key = [&](const std::string& more, const std::string& name) {
    return value(imported(open + more), name);
  };
  CHECK(key("", "plan.dispatcher") == "allgather");
  CHECK(key("--moe-token-dispatcher-type alltoall", "plan.dispatcher") == "nccl");
  CHECK(key("--moe-token-dispatcher-type flex --moe-enable-deepep --moe-deepep-num-sms 24",
            "plan.communication_sms") == "24");
  CHECK(key("--moe-token-dispatcher-type flex --moe-flex-dispatcher-backend hybridep",
            "plan.dispatcher") == "hybridep");
  CHECK(value(imported(kModel + kExperts), "plan.dispatcher") == "");
}

TEST_CASE("routing is forced, or the router's") {
  const std::string natural = without(kParallel, "--moe-router-force-load-balancing");
  CHECK(value(imported(kParallel), "routing.base") == "uniform");
  CHECK(value(imported(natural), "routing.base") == "natural");
  CHECK(value(imported(natural + "--moe-router-load-balancing-type none"), "routing.base") ==
        "natural-unbalanced");
  const ImportedScenario dropped =
      imported(kParallel + "--moe-expert-capacity-factor 1.5 --moe-pad-expert-input-to-capacity");
  CHECK(loaded(dropped).routing.capacity_factor == 1.5);
  CHECK(loaded(dropped).routing.pad_to_capacity);
  CHECK(value(imported(kParallel + "--moe-router-padding-for-fp8"), "routing.pad_rows_to") == "");
  CHECK(value(imported(kParallel + "--moe-router-padding-for-fp8 --fp8-format e4m3"),
              "routing.pad_rows_to") == "16");
}

TEST_CASE("graphs and overlap") {
  const auto scope = [](const std::string& more) {
    const Plan plan = loaded(imported(kParallel + more)).plan;
    return plan.cuda_graph ? std::string(spelling(plan.cuda_graph_scope)) : "none";
  };
  CHECK(scope("") == "none");
  CHECK(scope("--cuda-graph-impl none") == "none");
  CHECK(
      scope("--cuda-graph-impl transformer_engine --cuda-graph-scope moe_router moe_preprocess") ==
      "router");
  CHECK(scope("--cuda-graph-impl transformer_engine --cuda-graph-scope attn moe_router") ==
        "layers");
  CHECK(scope("--cuda-graph-impl local --cuda-graph-scope full_iteration") == "step");
  const Plan plan =
      loaded(imported(kParallel + "--overlap-moe-expert-parallel-comm --delay-wgrad-compute")).plan;
  CHECK(plan.ep_overlap);
  CHECK(plan.delay_wgrad);
}

TEST_CASE("kernels that are not fused") {
  const Plan fused = loaded(imported(kModel)).plan;
  const Plan loose =
      loaded(imported(without(kModel, "--cross-entropy-loss-fusion") + "--no-rope-fusion")).plan;
  CHECK(fused.software.loss_forward_bytes == 6);
  CHECK(loose.software.loss_forward_bytes == 38);
  CHECK(loose.memory.loss_bytes == 6);
  CHECK(fused.software.rope_factor == 1);
  CHECK(loose.software.rope_factor == 5);
}
