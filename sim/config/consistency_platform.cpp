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
  for (size_t i = 0; i < faults.devices.size(); ++i) {
    const std::string key = fmt::format("faults.devices[{}]", i), speed = key + ".speed";
    check_place(rules, key, faults.devices[i].place);
    rules.require(faults.devices[i].speed > 0, {speed.c_str()},
                  "must be above 0: a lost GPU stops the run, which goodput.device_mtbf_s counts; "
                  "wafers may be lost");
  }
  const char* wafers_only = "known of wafer systems only (platform: cs3)";
  rules.require(faults.swarmx.empty(), {"faults.swarmx", "platform"}, "{}", wafers_only);
  rules.require(faults.memoryx.empty(), {"faults.memoryx", "platform"}, "{}", wafers_only);
  rules.require(rules.s.goodput.swarmx_mtbf_s == 0, {"goodput.swarmx_mtbf_s"}, "{}", wafers_only);
  rules.require(rules.s.goodput.memoryx_mtbf_s == 0, {"goodput.memoryx_mtbf_s"}, "{}", wafers_only);
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

}  // namespace moesim
