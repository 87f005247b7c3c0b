#include "config/unused.hpp"

#include "config/error_case.hpp"

using namespace moesim;

namespace {

std::string routing(const std::string& keys) { return kScenario + "routing: {" + keys + "}\n"; }

}  // namespace

TEST_CASE("a parameter of another kind of routing is an error") {
  CHECK(errors_of(routing("exponent: 0.5")) ==
        "s.yaml:4:21: routing.exponent: has no effect without kind: zipf");
  CHECK(errors_of(routing("kind: dirichlet, exponent: 0.5")) ==
        "s.yaml:4:38: routing.exponent: has no effect without kind: zipf");
  CHECK(errors_of(routing("kind: zipf, concentration: 0.1")) ==
        "s.yaml:4:38: routing.concentration: has no effect without kind: dirichlet");
  CHECK(errors_of(routing("kind: uniform, target_overload: 1.5")) ==
        "s.yaml:4:43: routing.target_overload: has no effect without kind: zipf or dirichlet");
  CHECK(errors_of(routing("kind: zipf, target_overload: 1.5"), {"routing.kind=balanced"}) == "");
  CHECK(errors_of(routing("kind: uniform"), {"routing.exponent=0.5"}) ==
        "--set routing.exponent=0.5: routing.exponent: has no effect without kind: zipf");
  CHECK(errors_of(kScenario, {"routing={kind: uniform, exponent: 0.5}"}) ==
        "--set routing={kind: uniform, exponent: 0.5}: routing.exponent: has no effect without "
        "kind: zipf");
}

TEST_CASE("a parameter that has its effect, or its default, is none") {
  CHECK(errors_of(routing("kind: zipf, exponent: 0.5")) == "");
  CHECK(errors_of(routing("kind: dirichlet, concentration: 0.1")) == "");
  CHECK(errors_of(routing("exponent: 0")) == "");
}

TEST_CASE("another kind laid over a scenario sets the parameter back") {
  const ResolvedScenario r =
      load_text(routing("kind: zipf, exponent: 0.5"), {"routing.kind=balanced"});
  CHECK(r.scenario.routing.exponent == RoutingSpec().exponent);
  CHECK(r.sources.at("routing.exponent").origin == "default");
  CHECK(errors_of(check_text(r)) == "");
  CHECK(errors_of(kScenario,
                  {"routing.kind=zipf", "routing.exponent=0.5", "routing.kind=balanced"}) == "");
  const std::map<std::string, std::string> base = {
      {"b.yaml", routing("kind: zipf, exponent: 0.5")}};
  CHECK(load_text("base: b.yaml\nrouting: {kind: uniform}\n", {}, base).scenario.routing.exponent ==
        RoutingSpec().exponent);
  CHECK(errors_of("base: b.yaml\nrouting: {concentration: 0.5}\n", {}, base) ==
        "s.yaml:2:26: routing.concentration: has no effect without kind: dirichlet");
}

TEST_CASE("a key of the plan that cannot act says what would make it act") {
  check({
      {"CP", plan("cp_kind: all_gather"),
       "s.yaml:4:17: plan.cp_kind: has no effect without plan.cp above 1"},
      {"graphs", plan("cuda_graph_scope: router"),
       "s.yaml:4:26: plan.cuda_graph_scope: has no effect without plan.cuda_graph: true"},
      {"wafers", plan("attention_tiles: 4"),
       "s.yaml:4:25: plan.attention_tiles: has no effect without a wafer system"},
      {"zeros", plan("weight_sparsity: 0.5"),
       "s.yaml:4:25: plan.weight_sparsity: has no effect without a wafer system: GPUs multiply "
       "zeros too"},
      {"scores", plan("attention_scores: kept"),
       "s.yaml:4:26: plan.attention_scores: has no effect without a wafer system"},
      {"attention again", plan("attention_again: tiles"),
       "s.yaml:4:25: plan.attention_again: has no effect without recompute: full on a wafer "
       "system"},
      {"gradients of zeros", plan("sparse_gradients: false"),
       "s.yaml:4:26: plan.sparse_gradients: has no effect without plan.weight_sparsity above 0"},
      {"chunks", plan("align_param_gather: false"),
       "s.yaml:4:28: plan.align_param_gather: has no effect without plan.vpp above 1 and "
       "plan.zero_stage: 1 or 2"},
      {"shared experts", plan("overlap_shared_expert: true"),
       "s.yaml:4:31: plan.overlap_shared_expert: has no effect without a model with shared "
       "experts"},
      {"CP that acts", plan("cp_kind: all_gather, cp: 2"), ""},
      {"shared experts that are",
       plan("overlap_shared_expert: true"),
       "",
       {"workload.shared_experts=1", "workload.shared_ffn=512"}},
  });
}

TEST_CASE("a key of the plan that an override leaves without effect is set back") {
  const std::string text = kScenario + "plan: {cp: 2, cp_kind: all_gather}\n";
  CHECK(load_text(text, {"plan.cp=1"}).scenario.plan.cp_kind == Plan().cp_kind);
  CHECK(load_text(text).scenario.plan.cp_kind == CpKind::all_gather);
}
