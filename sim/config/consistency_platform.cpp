#include <algorithm>
#include <map>
#include <string>

#include "config/consistency_rules.hpp"

namespace moesim {

namespace {

void check_place(Rules& rules, const std::string& key, const FaultyPlace& place) {
  const Pod& pod = rules.s.platform.pod();
  const std::string rank = key + ".rank", node = key + ".node", gpu = key + ".gpu";
  const int nodes = (pod.gpus + pod.gpus_per_node - 1) / std::max(1, pod.gpus_per_node);
  rules.require((place.rank >= 0) != (place.node >= 0), {rank.c_str(), node.c_str()},
                "give either a rank, or a node and perhaps a gpu");
  rules.require(place.gpu < 0 || place.node >= 0, {gpu.c_str()},
                "gpu counts within a node: give the node too");
  rules.require(place.rank < pod.gpus, {rank.c_str(), "platform.gpus"}, "ranks are 0 to {}",
                pod.gpus - 1);
  rules.require(place.node < nodes, {node.c_str(), "platform.gpus"}, "nodes are 0 to {}",
                nodes - 1);
  rules.require(place.gpu < pod.gpus_per_node, {gpu.c_str(), "platform.gpus_per_node"},
                "a node has devices 0 to {}", pod.gpus_per_node - 1);
}

}  // namespace

void check_faults(Rules& rules) {
  const FaultSpec& faults = rules.s.faults;
  const Pod& pod = rules.s.platform.pod();
  if (!rules.known({"platform.gpus", "platform.gpus_per_node"})) return;
  for (size_t i = 0; i < faults.devices.size(); ++i)
    check_place(rules, fmt::format("faults.devices[{}]", i), faults.devices[i].place);
  std::map<int, int> dead;  // NICs by node
  for (int rank = 0; rank < pod.gpus && !faults.links.empty(); ++rank)
    if (link_health(faults, pod.gpus_per_node, rank).nic <= 0) ++dead[rank / pod.gpus_per_node];
  for (size_t i = 0; i < faults.links.size(); ++i) {
    const LinkFault& link = faults.links[i];
    const std::string key = fmt::format("faults.links[{}]", i), nic = key + ".nic";
    check_place(rules, key, link.place);
    if (link.nic > 0) continue;
    const int node = link.place.rank >= 0 ? link.place.rank / pod.gpus_per_node : link.place.node;
    rules.require(pod.gpus <= pod.gpus_per_node || dead[node] < pod.gpus_per_node, {nic.c_str()},
                  "no NIC of node {} works: nothing to go over instead", node);
  }
}

// Each wafer works for itself: there is nothing to divide over, and no pipeline.
void check_wafers(Rules& rules) {
  const Plan& p = rules.s.plan;
  const Batch& b = rules.s.batch;
  const int systems = rules.s.platform.wafers().systems;
  const auto one = [&](int value, const char* key) {
    rules.require(value == 1, {key},
                  "must be 1 on a wafer system, got {}: wafers are data parallel only", value);
  };
  const ModelShape& w = rules.s.workload;
  rules.require(std::count(w.ffns.begin(), w.ffns.end(), Ffn::none) == 0 &&
                    std::count(w.mixers.begin(), w.mixers.end(), Mixer::none) == 0,
                {"workload.ffns", "workload.mixers"},
                "layers without a mixer or an FFN are known of GPU pods only");
  one(p.tp, "plan.tp");
  one(p.cp, "plan.cp");
  one(p.ep, "plan.ep");
  one(p.etp, "plan.etp");
  one(p.pp, "plan.pp");
  one(p.vpp, "plan.vpp");
  rules.require(p.precision == PrecisionRecipe::bf16, {"plan.precision"},
                "{} is not known on a wafer: only bf16", spelling(p.precision));
  rules.require(p.recompute != Recompute::selective, {"plan.recompute"},
                "selective recomputation is not known on a wafer: none or full");
  const int most = rules.s.platform.wafers().most_systems;
  rules.require(systems <= most, {"platform.systems", "platform.most_systems"},
                "{} is more than most_systems = {}", systems, most);
  rules.require(b.global_batch == 0 || divides(systems, b.global_batch),
                {"batch.global_batch", "platform.systems"},
                "{} sequences are not divisible by {} systems", b.global_batch, systems);
  rules.require(p.simulated_replicas <= systems, {"plan.simulated_replicas", "platform.systems"},
                "{} is more than the {} systems", p.simulated_replicas, systems);
  rules.require(b.global_batch > 0 || p.attention_tiles > 0 || p.attention_batch >= 0,
                {"plan.attention_batch", "plan.attention_tiles", "batch.global_batch"},
                "global_batch, attention_tiles and attention_batch cannot all be left open");
  rules.require(!rules.s.platform.wafers().swarmx.level_bytes_per_s.empty(),
                {"platform.swarmx.level_bytes_per_s"}, "needs at least one level");
}

}  // namespace moesim
