#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "config/consistency_rules.hpp"

namespace moesim {

namespace {

void check_loads(Rules& rules, const std::vector<double>& loads, const char* key) {
  const int experts = rules.s.workload.experts;
  rules.require(static_cast<int64_t>(loads.size()) == experts,
                {key, "routing.kind", "workload.experts"},
                "has {} entries for the {} experts of the model", loads.size(), experts);
  const double total = std::accumulate(loads.begin(), loads.end(), 0.0);
  rules.require(loads.empty() || total > 0, {key}, "no expert has any load");
}

void check_recorded(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const std::vector<RecordedCount>& counts = rules.s.routing.recorded;
  rules.require(!counts.empty(), {"routing.recorded", "routing.kind"},
                "kind: recorded needs recorded counts");
  std::map<std::pair<int, int>, double> tokens;  // by layer and step
  for (const RecordedCount& count : counts)
    tokens[{count.layer, count.step}] += static_cast<double>(count.tokens);
  const int layers = w.layers + w.mtp_layers;
  for (const auto& [at, total] : tokens)
    rules.require(total > 0 || at.first >= layers || !has_experts(w, at.first),
                  {"routing.recorded", "routing.recorded_file", "routing.kind"},
                  "layer {} has no tokens in step {}", at.first, at.second);
  const auto unknown = [&](const RecordedCount& c) {
    return c.layer >= layers || c.expert >= w.experts;
  };
  const auto found = std::find_if(counts.begin(), counts.end(), unknown);
  if (found == counts.end()) return;
  rules.require(false,
                {"routing.recorded", "workload.layers", "workload.mtp_layers", "workload.experts"},
                "row {}: the model has no layer {} with an expert {}", found - counts.begin(),
                found->layer, found->expert);
}

}  // namespace

void check_routing(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const Plan& p = rules.s.plan;
  const RoutingSpec& r = rules.s.routing;
  if (rules.known({"routing.kind"}) && r.kind == RoutingKind::histogram) {
    if (r.layer_histograms.empty()) check_loads(rules, r.histogram, "routing.histogram");
    for (const std::vector<double>& loads : r.layer_histograms)
      check_loads(rules, loads, "routing.layer_histograms");
    rules.require(r.histogram.empty() || r.layer_histograms.empty(),
                  {"routing.layer_histograms", "routing.histogram"},
                  "give either histogram or layer_histograms");
  }
  if (rules.known({"routing.kind"}) && r.kind == RoutingKind::recorded) check_recorded(rules);
  if (!rules.known({"routing.placement"})) return;
  const Keys table = {"routing.expert_of_slot", "routing.placement", "workload.experts"};
  if (r.placement == Placement::table) {
    std::vector<int> held = r.expert_of_slot;
    std::sort(held.begin(), held.end());
    const bool known = held.empty() || held.back() < w.experts;
    held.erase(std::unique(held.begin(), held.end()), held.end());
    rules.require(known && static_cast<int64_t>(held.size()) == w.experts, table,
                  "placement: table needs each of the {} experts at least once in expert_of_slot",
                  w.experts);
    rules.require(r.expert_of_slot.empty() || divides(p.ep, r.expert_of_slot.size()),
                  {"routing.expert_of_slot", "routing.placement", "plan.ep"},
                  "{} slots are not divisible by ep = {}", r.expert_of_slot.size(), p.ep);
    rules.require(r.redundant_experts == 0, {"routing.redundant_experts", "routing.placement"},
                  "has no effect with placement: table, whose slots say it");
  }
  if (r.placement == Placement::eplb || r.placement == Placement::eplb_global)
    rules.require(divides(p.ep, w.experts + r.redundant_experts),
                  {"routing.redundant_experts", "plan.ep", "workload.experts"},
                  "{} experts and {} redundant ones are not divisible by ep = {}", w.experts,
                  r.redundant_experts, p.ep);
}

}  // namespace moesim
