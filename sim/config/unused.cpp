#include "config/unused.hpp"

#include <initializer_list>
#include <string>

namespace moesim {
namespace {

class Settle {
 public:
  Settle(ResolvedScenario& resolved, Problems& problems)
      : sources_(resolved.sources), file_(resolved.file), problems_(problems) {}

  // The value acts only where `acts`, which other keys decide; `needs` says in which case. A
  // default may stand there: a resolved scenario writes out every key.
  template <class Value>
  void inert(const std::string& key, Value& value, const Value& fallback, bool acts,
             std::initializer_list<const char*> deciders, const std::string& needs) {
    if (acts || value == fallback) return;
    const auto found = sources_.find(key);
    if (found == sources_.end() || !found->second.sound) return;
    ValueSource& source = found->second;
    bool later = layer(source) == 0;  // a profile or a base speaks for more than one scenario
    for (const char* decider : deciders) {
      const auto by = sources_.find(decider);
      if (by == sources_.end()) continue;
      if (!by->second.sound) return;
      later = later || laid_over(by->second, source);
    }
    if (!later) return problems_.add(source.place, key, "has no effect without " + needs);
    value = fallback;
    source.origin = "default";
  }

 private:
  int layer(const ValueSource& source) const {
    if (source.place.file.starts_with("--set ")) return 2;
    return source.place.file == file_ ? 1 : 0;
  }

  // Whether `over` was laid over what held `under`. Which of two overrides was the later is not
  // known here; it may have been.
  bool laid_over(const ValueSource& over, const ValueSource& under) const {
    return over.origin != "default" && over.place.file != under.place.file &&
           layer(over) >= layer(under);
  }

  ValueSources& sources_;
  const std::string& file_;
  Problems& problems_;
};

void settle_routing(Settle& settle, RoutingSpec& routing) {
  const RoutingSpec fallback;
  settle.inert("routing.exponent", routing.exponent, fallback.exponent,
               routing.kind == RoutingKind::zipf, {"routing.kind"}, "kind: zipf");
  settle.inert("routing.concentration", routing.concentration, fallback.concentration,
               routing.kind == RoutingKind::dirichlet, {"routing.kind"}, "kind: dirichlet");
  settle.inert("routing.target_overload", routing.target_overload, fallback.target_overload,
               routing.kind == RoutingKind::zipf || routing.kind == RoutingKind::dirichlet,
               {"routing.kind"}, "kind: zipf or dirichlet");
}

void settle_plan(Settle& settle, Scenario& scenario) {
  Plan& plan = scenario.plan;
  const Plan fallback;
  const bool wafers = scenario.platform.is_wafer_system();
  settle.inert("plan.attention_tiles", plan.attention_tiles, fallback.attention_tiles, wafers,
               {"platform.gpus"}, "a wafer system");
  settle.inert("plan.attention_batch", plan.attention_batch, fallback.attention_batch, wafers,
               {"platform.gpus"}, "a wafer system");
  settle.inert("plan.attention_scores", plan.attention_scores, fallback.attention_scores, wafers,
               {"platform.gpus"}, "a wafer system");
  settle.inert("plan.attention_again", plan.attention_again, fallback.attention_again,
               wafers && plan.recompute == Recompute::full, {"plan.recompute", "platform.gpus"},
               "recompute: full on a wafer system");
  settle.inert("plan.weight_sparsity", plan.weight_sparsity, fallback.weight_sparsity, wafers,
               {"platform.gpus"}, "a wafer system: GPUs multiply zeros too");
  settle.inert("plan.sparse_gradients", plan.sparse_gradients, fallback.sparse_gradients,
               plan.weight_sparsity > 0, {"plan.weight_sparsity"}, "plan.weight_sparsity above 0");
  settle.inert("plan.cp_kind", plan.cp_kind, fallback.cp_kind, plan.cp > 1, {"plan.cp"},
               "plan.cp above 1");
  settle.inert("plan.cuda_graph_scope", plan.cuda_graph_scope, fallback.cuda_graph_scope,
               plan.cuda_graph, {"plan.cuda_graph"}, "plan.cuda_graph: true");
  settle.inert("plan.align_param_gather", plan.align_param_gather, fallback.align_param_gather,
               plan.vpp > 1 && plan.shards_optimizer_only(), {"plan.vpp", "plan.zero_stage"},
               "plan.vpp above 1 and plan.zero_stage: 1 or 2");
  settle.inert("plan.overlap_shared_expert", plan.overlap_shared_expert,
               fallback.overlap_shared_expert, scenario.workload.shared_experts > 0,
               {"workload.shared_experts"}, "a model with shared experts");
}

}  // namespace

void settle_unused(ResolvedScenario& resolved, Problems& problems) {
  Settle settle(resolved, problems);
  settle_routing(settle, resolved.scenario.routing);
  settle_plan(settle, resolved.scenario);
}

}  // namespace moesim
