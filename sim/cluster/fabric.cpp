#include "cluster/fabric.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {

namespace {

constexpr int kPortsPerRank = 5;
enum PortIndex { kNvlink, kNic, kFarNvlink, kFarNic, kFarSpine };

int32_t add_link(Fabric& fabric, std::string name, double bytes_per_s, LinkClass link_class) {
  fabric.links.push_back({std::move(name), bytes_per_s, link_class});
  return static_cast<int32_t>(fabric.links.size() - 1);
}

// Leaf switches: one per rail and scalable unit, with uplinks for the ports in use divided by the
// oversubscription. Counting simulated ports only is what scales the uplink to their share.
void add_leaves(Fabric& fabric, const Pod& pod) {
  std::map<int, int> simulated;  // leaf -> simulated ranks below it
  const int rails = pod.gpus_per_node;
  for (RankPlace& place : fabric.ranks) {
    place.leaf = place.node / pod.nodes_per_leaf * rails + place.gpu;
    ++simulated[place.leaf];
  }
  std::map<int, int> index;
  for (const auto& [leaf, count] : simulated) {
    const double bytes_per_s =
        count * pod.nic_bytes_per_s * pod.nic_efficiency / pod.oversubscription;
    const auto name = fmt::format("leaf{}.rail{}", leaf / rails, leaf % rails);
    index[leaf] = static_cast<int>(fabric.leaf_up.size());
    fabric.leaf_up.push_back(add_link(fabric, name + ".up", bytes_per_s, LinkClass::leaf));
    fabric.leaf_down.push_back(add_link(fabric, name + ".down", bytes_per_s, LinkClass::leaf));
  }
  for (RankPlace& place : fabric.ranks) place.leaf = index[place.leaf];
}

// A link from each device to each other one of its node.
void add_pair_links(Fabric& fabric, const Pod& pod) {
  const auto width = static_cast<size_t>(pod.gpus_per_node);
  fabric.pair_links.assign(fabric.ranks.size() * width, -1);
  for (size_t from = 0; from < fabric.ranks.size(); ++from)
    for (size_t to = 0; to < fabric.ranks.size(); ++to) {
      const RankPlace &source = fabric.ranks[from], &target = fabric.ranks[to];
      if (from == to || source.node != target.node) continue;
      const auto name = fmt::format("node{}.gpu{}.link{}", source.node, source.gpu, target.gpu);
      fabric.pair_links[from * width + static_cast<size_t>(target.gpu)] =
          add_link(fabric, name, pod.link_bytes_per_s * pod.nvlink_efficiency, LinkClass::nvlink);
    }
}

// The next rank of the same node that sends over a NIC of its own, or -1.
int working_neighbour(const Fabric& fabric, const std::vector<bool>& dead, int rank,
                      int gpus_per_node) {
  const RankPlace& own = fabric.ranks[rank];
  int best = -1, distance = gpus_per_node;
  for (int other = 0; other < static_cast<int>(fabric.ranks.size()); ++other) {
    const RankPlace& place = fabric.ranks[other];
    const int ahead = (place.gpu - own.gpu + gpus_per_node) % gpus_per_node;
    if (place.node != own.node || dead[other] || ahead == 0 || ahead >= distance) continue;
    best = other;
    distance = ahead;
  }
  return best;
}

void apply_link_faults(Fabric& fabric, const Pod& pod, const FaultSpec& faults) {
  if (faults.links.empty()) return;
  std::vector<bool> dead;
  for (const RankPlace& place : fabric.ranks) {
    const LinkHealth health = link_health(faults, pod.gpus_per_node, place.global_rank);
    for (const int32_t link : {place.nvlink_out, place.nvlink_in})
      fabric.links[link].bytes_per_s *= health.nvlink;
    const auto rank = static_cast<int>(dead.size());
    for (int other = 0; other < static_cast<int>(fabric.ranks.size()); ++other)
      for (const int32_t link : {fabric.pair_link(rank, other), fabric.pair_link(other, rank)})
        if (link >= 0) fabric.links[link].bytes_per_s *= health.nvlink;
    dead.push_back(health.nic <= 0);
    for (const int32_t link : {place.nic_out, place.nic_in})
      if (!dead.back()) fabric.links[link].bytes_per_s *= health.nic;
  }
  for (int rank = 0; rank < static_cast<int>(dead.size()); ++rank) {
    if (!dead[rank]) continue;
    RankPlace& place = fabric.ranks[rank];
    const int other = working_neighbour(fabric, dead, rank, pod.gpus_per_node);
    if (other < 0) {
      for (const int32_t link : {place.nic_out, place.nic_in}) fabric.links[link].bytes_per_s /= 2;
      continue;
    }
    place.nic_out = fabric.ranks[other].nic_out;
    place.nic_in = fabric.ranks[other].nic_in;
    place.leaf = fabric.ranks[other].leaf;
  }
}

}  // namespace

Fabric build_fabric(const Pod& pod, std::span<const int> global_ranks, const FaultSpec& faults) {
  Fabric fabric;
  fabric.nvlink_latency_s = pod.nvlink_latency_s;
  fabric.nic_latency_s = pod.nic_latency_s;
  fabric.spine_latency_s = pod.nic_spine_latency_s;
  fabric.nodes_per_leaf = pod.nodes_per_leaf;
  fabric.gpus_per_node = pod.gpus_per_node;
  const double nvlink = pod.nvlink_bytes_per_s * pod.nvlink_efficiency;
  const double nic = pod.nic_bytes_per_s * pod.nic_efficiency;
  for (const int rank : global_ranks) {
    RankPlace place;
    place.global_rank = rank;
    place.node = rank / pod.gpus_per_node;
    place.gpu = rank % pod.gpus_per_node;
    const auto name = fmt::format("node{}.gpu{}", place.node, place.gpu);
    place.nvlink_out = add_link(fabric, name + ".nvlink.out", nvlink, LinkClass::nvlink);
    place.nvlink_in = add_link(fabric, name + ".nvlink.in", nvlink, LinkClass::nvlink);
    place.nic_out = add_link(fabric, name + ".nic.out", nic, LinkClass::nic);
    place.nic_in = add_link(fabric, name + ".nic.in", nic, LinkClass::nic);
    fabric.ranks.push_back(place);
  }
  if (pod.link_bytes_per_s > 0 && pod.gpus_per_node > 1) add_pair_links(fabric, pod);
  if (pod.oversubscription > 1) add_leaves(fabric, pod);
  apply_link_faults(fabric, pod, faults);
  return fabric;
}

Route Fabric::route(int32_t source_endpoint, int32_t target_endpoint) const {
  Route route;
  const auto add = [&route](int32_t link) { route.links[route.count++] = link; };
  const int source_port = source_endpoint % kPortsPerRank,
            target_port = target_endpoint % kPortsPerRank;
  const RankPlace& source = ranks[source_endpoint / kPortsPerRank];
  const RankPlace& target = ranks[target_endpoint / kPortsPerRank];
  if (source_port == kNvlink && target_port == kNvlink) {
    const int32_t direct =
        pair_link(source_endpoint / kPortsPerRank, target_endpoint / kPortsPerRank);
    if (direct >= 0) {
      add(direct);
      return route;
    }
  }
  if (source_port == kNvlink) add(source.nvlink_out);
  if (source_port == kNic) add(source.nic_out);
  if (!leaf_up.empty() && (source_port == kNic || target_port == kNic)) {
    const bool spine = source_port == kFarSpine || target_port == kFarSpine;
    const bool near = source_port == kFarNic || target_port == kFarNic;
    const bool crosses = spine || (!near && source.leaf != target.leaf);
    if (crosses && source_port == kNic) add(leaf_up[source.leaf]);
    if (crosses && target_port == kNic) add(leaf_down[target.leaf]);
  }
  if (target_port == kNvlink) add(target.nvlink_in);
  if (target_port == kNic) add(target.nic_in);
  return route;
}

double Fabric::latency_s(int a, int b) const {
  const RankPlace &from = ranks[a], &to = ranks[b];
  if (from.node == to.node) return nvlink_latency_s;
  const bool same_leaf =
      from.gpu == to.gpu && from.node / nodes_per_leaf == to.node / nodes_per_leaf;
  return nic_latency_s + (same_leaf ? 0 : spine_latency_s);
}

}  // namespace moesim
