#include "lower/collectives.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {

namespace {

std::vector<std::vector<int>> split_by_node(const Fabric& fabric, int first_rank,
                                            std::span<const int> members) {
  std::map<int, std::vector<int>> nodes;
  for (int member : members) nodes[fabric.ranks[first_rank + member].node].push_back(member);
  std::vector<std::vector<int>> split;
  for (auto& [node, inside] : nodes) split.push_back(std::move(inside));
  return split;
}

double farthest_s(const Fabric& fabric, int first_rank, std::span<const int> members) {
  double latency = 0;
  for (int member : members)
    latency = std::max(latency, fabric.latency_s(first_rank + members[0], first_rank + member));
  return members.size() < 2 ? 0 : latency;
}

Transfer start_transfer(std::span<const int> members) {
  Transfer transfer;
  for (int member : members) transfer.ranks.push_back(static_cast<uint32_t>(member));
  return transfer;
}

// Every member sends `nvlink_bytes` to the next one in its node and `nic_bytes` to its peer in the
// next node.
void add_ring_flows(const std::vector<std::vector<int>>& nodes, double nvlink_bytes,
                    double nic_bytes, std::vector<Flow>& flows) {
  for (size_t node = 0; node < nodes.size(); ++node) {
    const auto &here = nodes[node], &next = nodes[(node + 1) % nodes.size()];
    for (size_t i = 0; i < here.size(); ++i) {
      if (here.size() > 1 && nvlink_bytes > 0)
        flows.push_back({endpoint(here[i], Port::nvlink),
                         endpoint(here[(i + 1) % here.size()], Port::nvlink), nvlink_bytes});
      if (nodes.size() > 1 && nic_bytes > 0)
        flows.push_back(
            {endpoint(here[i], Port::nic), endpoint(next[i % next.size()], Port::nic), nic_bytes});
    }
  }
}

}  // namespace

// NCCL switches from rings to trees by size; for the latency of all-reduce and broadcast the faster
// of both is what a tuned library reaches (NCCL 2.4 double binary trees,
// https://developer.nvidia.com/blog/massively-scale-deep-learning-training-nccl-2-4/). All-gather
// and reduce-scatter are rings: over 64 and 72 GPUs of GB200 small ones take 60 steps' time
// (scenarios/validation/collectives.csv). Their logarithmic form (PAT, NCCL 2.23,
// https://developer.nvidia.com/blog/new-scaling-algorithm-and-initialization-with-nvidia-collective-communications-library-2-23/)
// is for one member per node (NVIDIA/nccl#1473) and has half of an all-reduce's steps. NVLS and
// SHARP are not modelled.
double collective_startup_s(const Pod& pod, CollectiveKind kind, int members, int nodes,
                            double hop_s) {
  const double inside_s = pod.nvlink_latency_s + pod.message_startup_s,
               between_s = hop_s + pod.message_startup_s;
  const double ring_s = (kind == CollectiveKind::all_reduce ? 2.0 : 1.0) *
                        ((members - nodes) * inside_s + (nodes - 1) * between_s);
  const bool shares = kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter;
  const double tree_s = (shares ? 1 : 2) * std::ceil(std::log2(std::max(2, members))) *
                        (nodes > 1 ? between_s : inside_s);
  const bool ring_only = shares && members > nodes;
  return pod.collective_startup_s + (ring_only ? ring_s : std::min(ring_s, tree_s));
}

double bytes_sent_per_member(CollectiveKind kind, int members, double bytes) {
  if (members < 2) return 0;
  if (kind == CollectiveKind::broadcast) return bytes;
  return bytes * (members - 1) / members * (kind == CollectiveKind::all_reduce ? 2 : 1);
}

double collective_lower_bound_s(const Fabric& fabric, CollectiveKind kind, int first_rank,
                                std::span<const int> members, double bytes) {
  const auto nodes = split_by_node(fabric, first_rank, members);
  const auto port_s = [&](int member, bool nvlink, double amount) {
    const RankPlace& place = fabric.ranks[first_rank + member];
    return amount / fabric.links[nvlink ? place.nvlink_in : place.nic_in].bytes_per_s;
  };
  if (nodes.size() == 1)
    return port_s(members[0], true,
                  bytes_sent_per_member(kind, static_cast<int>(members.size()), bytes));
  const double per_node = bytes_sent_per_member(kind, static_cast<int>(nodes.size()), bytes);
  return port_s(members[0], false, per_node / static_cast<double>(nodes[0].size()));
}

Transfer ring_collective(const Fabric& fabric, const Pod& pod, CollectiveKind kind, int first_rank,
                         std::span<const int> members, double bytes) {
  Transfer transfer = start_transfer(members);
  const int count = static_cast<int>(members.size());
  if (count < 2 || bytes <= 0) return transfer;
  const auto nodes = split_by_node(fabric, first_rank, members);
  const double sent = bytes_sent_per_member(kind, count, bytes);
  const double per_node = static_cast<double>(nodes[0].size());
  add_ring_flows(nodes, nodes.size() > 1 ? sent * (per_node - 1) / per_node : sent, sent / per_node,
                 transfer.flows);
  transfer.latency_s = collective_startup_s(pod, kind, count, static_cast<int>(nodes.size()),
                                            farthest_s(fabric, first_rank, members));
  return transfer;
}

Transfer hierarchical_collective(const Fabric& fabric, const Pod& pod, CollectiveKind kind,
                                 int first_rank, std::span<const int> members, double bytes) {
  const auto nodes = split_by_node(fabric, first_rank, members);
  if (nodes.size() < 2 || nodes[0].size() < 2)
    return ring_collective(fabric, pod, kind, first_rank, members, bytes);
  Transfer transfer = start_transfer(members);
  const int inside = static_cast<int>(nodes[0].size()), outside = static_cast<int>(nodes.size());
  add_ring_flows(nodes, bytes_sent_per_member(kind, inside, bytes),
                 bytes_sent_per_member(kind, outside, bytes / inside), transfer.flows);
  const double hop_s = farthest_s(fabric, first_rank, members);
  transfer.latency_s = collective_startup_s(pod, kind, inside, 1, hop_s) +
                       collective_startup_s(pod, kind, outside, outside, hop_s) -
                       pod.collective_startup_s;
  return transfer;
}

double farthest_hop_s(const Pod& pod, int devices) {
  if (devices <= pod.gpus_per_node) return pod.nvlink_latency_s;
  const int nodes = (devices + pod.gpus_per_node - 1) / pod.gpus_per_node;
  return pod.nic_latency_s + (nodes > pod.nodes_per_leaf ? pod.nic_spine_latency_s : 0);
}

Transfer spread_collective(const Pod& pod, CollectiveKind kind, int rank, const SpreadGroup& group,
                           double bytes) {
  const int self[] = {rank};
  Transfer transfer = start_transfer(self);
  if (group.size < 2 || bytes <= 0) return transfer;
  const double sent = bytes_sent_per_member(kind, group.size, bytes);
  const int inside = group.members_per_node(pod.gpus_per_node);
  const bool one_node = inside == group.size;
  const double nvlink_bytes = one_node ? sent : sent * (inside - 1) / inside;
  const double nic_bytes = one_node ? 0 : sent / inside;
  const auto both_ways = [&](Port port, Port far, double amount) {
    if (amount <= 0) return;
    transfer.flows.push_back({endpoint(rank, port), endpoint(rank, far), amount});
    transfer.flows.push_back({endpoint(rank, far), endpoint(rank, port), amount});
  };
  both_ways(Port::nvlink, Port::far_nvlink, nvlink_bytes);
  const double crossing = group.spine_share(pod.gpus_per_node, pod.nodes_per_leaf);
  both_ways(Port::nic, Port::far_nic, nic_bytes * (1 - crossing));
  both_ways(Port::nic, Port::far_spine, nic_bytes * crossing);
  const double hop_s =
      one_node ? pod.nvlink_latency_s : pod.nic_latency_s + crossing * pod.nic_spine_latency_s;
  transfer.latency_s =
      collective_startup_s(pod, kind, group.size, (group.size + inside - 1) / inside, hop_s);
  return transfer;
}

Transfer ring_shift(const Fabric& fabric, const Pod& pod, int first_rank,
                    std::span<const int> members, double bytes) {
  Transfer transfer = start_transfer(members);
  for (size_t i = 0; i < members.size(); ++i) {
    const Transfer hop = point_to_point(fabric, pod, first_rank, members[i],
                                        members[(i + 1) % members.size()], bytes);
    transfer.flows.push_back(hop.flows[0]);
    transfer.latency_s = std::max(transfer.latency_s, hop.latency_s);
  }
  return transfer;
}

Transfer point_to_point(const Fabric& fabric, const Pod& pod, int first_rank, int from, int to,
                        double bytes) {
  Transfer transfer;
  transfer.ranks = {static_cast<uint32_t>(from)};
  const bool inside = fabric.same_node(first_rank + from, first_rank + to);
  const Port port = inside ? Port::nvlink : Port::nic;
  transfer.flows.push_back({endpoint(from, port), endpoint(to, port), bytes});
  transfer.latency_s = pod.message_startup_s + fabric.latency_s(first_rank + from, first_rank + to);
  return transfer;
}

}  // namespace moesim
