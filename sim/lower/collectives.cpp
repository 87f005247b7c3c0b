#include "lower/collectives.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/check.hpp"

namespace moesim {

namespace {

// A flat all-to-all of more ranks takes minutes to simulate (docs/decisions/0003); whoever wants it
// must name it.
constexpr int kFlatRanks = 16;

using Nodes = std::vector<std::vector<int>>;

Nodes split_by_node(const CollectiveGroup& group) {
  std::map<int, std::vector<int>> nodes;
  for (int member : group.members)
    nodes[group.fabric.ranks[group.first_rank + member].node].push_back(member);
  Nodes split;
  for (auto& [node, inside] : nodes) split.push_back(std::move(inside));
  return split;
}

GroupShape shape_of(const CollectiveGroup& group, const Nodes& nodes) {
  GroupShape shape;
  shape.members = static_cast<int>(group.members.size());
  shape.nodes = static_cast<int>(nodes.size());
  shape.per_node = static_cast<double>(nodes[0].size());
  const int first = group.first_rank + group.members[0];
  for (int member : group.members)
    shape.hop_s = std::max(shape.hop_s, group.fabric.latency_s(first, group.first_rank + member));
  return shape;
}

// NCCL switches from rings to trees by size; for the latency of all-reduce and broadcast the faster
// of both is what a tuned library reaches (NCCL 2.4 double binary trees,
// https://developer.nvidia.com/blog/massively-scale-deep-learning-training-nccl-2-4/). All-gather
// and reduce-scatter are rings: over 64 and 72 GPUs of GB200 small ones take 60 steps' time
// (scenarios/validation/collectives.csv). Their logarithmic form (PAT, NCCL 2.23,
// https://developer.nvidia.com/blog/new-scaling-algorithm-and-initialization-with-nvidia-collective-communications-library-2-23/)
// is for one member per node (NVIDIA/nccl#1473) and has half of an all-reduce's steps. NVLS and
// SHARP are not modelled.
double startup_s(const Pod& pod, CollectiveKind kind, int members, int nodes, double hop_s) {
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

// With g members in each of n nodes, g rings enter and leave each node over different NICs; of the
// B bytes that every member passes on (B = bytes (N-1)/N, twice that for all-reduce), (g-1)/g go
// over NVLink and 1/g over its NIC. Steps pay latency one after the other; where a tree's 2 log2 N
// are fewer, they are paid instead.
PortLoad ring_load(CollectiveKind kind, const Pod& pod, const GroupShape& shape, double bytes) {
  const double sent = bytes_sent_per_member(kind, shape.members, bytes);
  PortLoad load;
  load.nvlink_bytes = shape.nodes > 1 ? sent * (shape.per_node - 1) / shape.per_node : sent;
  load.nic_bytes = shape.nodes > 1 ? sent / shape.per_node : 0;
  load.startup_s = startup_s(pod, kind, shape.members, shape.nodes, shape.hop_s);
  return load;
}

// Inside the node first, then each member with its peers of the same rail. Loads NVLink with bytes
// (g-1)/g and the NIC with bytes (n-1)/(n g), each twice for all-reduce; the two overlap by chunks.
PortLoad hierarchical_load(CollectiveKind kind, const Pod& pod, const GroupShape& shape,
                           double bytes) {
  if (shape.nodes < 2 || shape.per_node < 2) return ring_load(kind, pod, shape, bytes);
  const int inside = static_cast<int>(shape.per_node);
  PortLoad load;
  load.nvlink_bytes = bytes_sent_per_member(kind, inside, bytes);
  load.nic_bytes = bytes_sent_per_member(kind, shape.nodes, bytes / inside);
  load.startup_s = startup_s(pod, kind, inside, 1, shape.hop_s) +
                   startup_s(pod, kind, shape.nodes, shape.nodes, shape.hop_s) -
                   pod.collective_startup_s;
  return load;
}

// The steps of a ring; the bytes take the lower bound, which the caller adds.
PortLoad closed_form_load(CollectiveKind kind, const Pod& pod, const GroupShape& shape, double) {
  return {0, 0, startup_s(pod, kind, shape.members, shape.nodes, shape.hop_s)};
}

// An algorithm of an exchange chooses the flows, never the bytes: who sends what to whom over which
// port is in ExchangeBytes.
void flat_exchange(const AllToAll& group, const ExchangeBytes& bytes, std::vector<Flow>& flows) {
  group.flat(group.hops(bytes), flows);
}
void balanced_exchange(const AllToAll& group, const ExchangeBytes& bytes,
                       std::vector<Flow>& flows) {
  group.port_balanced(group.hops(bytes), flows);
}

// One for each row of kCollectiveAlgorithms; null where its traits say that it has none, and for
// closed_form, whose exchange is AllToAll::port_bound_s.
struct AlgorithmFunctions {
  PortLoad (*load)(CollectiveKind, const Pod&, const GroupShape&, double bytes);
  void (*exchange)(const AllToAll&, const ExchangeBytes&, std::vector<Flow>&);
};
constexpr std::array<AlgorithmFunctions, kCollectiveAlgorithms.size()> kFunctions{{
    {nullptr, nullptr},                      // automatic
    {nullptr, flat_exchange},                // flat
    {nullptr, balanced_exchange},            // port_balanced
    {hierarchical_load, balanced_exchange},  // hierarchical
    {closed_form_load, nullptr},             // closed_form
    {ring_load, nullptr},                    // ring
}};

constexpr bool functions_fit_traits() {
  for (size_t row = 0; row < kFunctions.size(); ++row) {
    const auto algorithm = static_cast<CollectiveAlgorithm>(row);
    if (algorithm == CollectiveAlgorithm::automatic) continue;
    if ((kFunctions[row].load != nullptr) != traits(algorithm).shares) return false;
    if ((kFunctions[row].exchange != nullptr || algorithm == CollectiveAlgorithm::closed_form) !=
        traits(algorithm).exchanges)
      return false;
  }
  return true;
}
static_assert(functions_fit_traits(), "a row of kFunctions does not do what its traits say");

const AlgorithmFunctions& functions(CollectiveAlgorithm algorithm) {
  return kFunctions[static_cast<size_t>(algorithm)];
}

// Every member sends `nvlink_bytes` to the next one in its node and `nic_bytes` to its peer in the
// next node. Where each pair has a link of its own, the library lays one ring over each of the
// links that leave a member: its bytes go to all others in equal parts.
void add_flows(const Nodes& nodes, const PortLoad& load, bool mesh, std::vector<Flow>& flows) {
  for (size_t node = 0; node < nodes.size(); ++node) {
    const auto &here = nodes[node], &next = nodes[(node + 1) % nodes.size()];
    for (size_t i = 0; i < here.size(); ++i) {
      const size_t rings = mesh ? here.size() - 1 : 1;
      for (size_t ring = 1; here.size() > 1 && load.nvlink_bytes > 0 && ring <= rings; ++ring)
        flows.push_back({endpoint(here[i], Port::nvlink),
                         endpoint(here[(i + ring) % here.size()], Port::nvlink),
                         load.nvlink_bytes / static_cast<double>(rings)});
      if (nodes.size() > 1 && load.nic_bytes > 0)
        flows.push_back({endpoint(here[i], Port::nic), endpoint(next[i % next.size()], Port::nic),
                         load.nic_bytes});
    }
  }
}

ExchangeBytes equal_shares(const AllToAll& group, double bytes, bool two_hop) {
  ExchangeBytes shares;
  shares.two_hop = two_hop;
  shares.to_rank.reset(group.size());
  std::fill(shares.to_rank.bytes.begin(), shares.to_rank.bytes.end(), bytes / group.size());
  shares.to_node = group.node_totals(shares.to_rank);
  return shares;
}

Transfer start_transfer(const Pod& pod, std::span<const int> members) {
  Transfer transfer;
  transfer.nic_share = pod.collective_queue_pairs;
  for (int member : members) transfer.ranks.push_back(static_cast<uint32_t>(member));
  return transfer;
}

}  // namespace

CollectiveAlgorithm chosen_algorithm(CollectiveKind kind, CollectiveAlgorithm asked, int members) {
  if (asked != CollectiveAlgorithm::automatic) return asked;
  if (kind != CollectiveKind::all_to_all) return CollectiveAlgorithm::ring;
  return members <= kFlatRanks ? CollectiveAlgorithm::flat : CollectiveAlgorithm::port_balanced;
}

PortLoad port_load(CollectiveKind kind, CollectiveAlgorithm algorithm, const Pod& pod,
                   const GroupShape& shape, double bytes) {
  if (shape.members < 2 || bytes <= 0) return {};
  const auto load = functions(chosen_algorithm(kind, algorithm, shape.members)).load;
  MOESIM_CHECK(load && shares_a_buffer(kind), "{} does not carry {}", spelling(algorithm),
               spelling(kind));
  return load(kind, pod, shape, bytes);
}

Transfer collective(CollectiveKind kind, CollectiveAlgorithm algorithm,
                    const CollectiveGroup& group, double bytes) {
  const auto& [fabric, pod, first_rank, members] = group;
  if (members.size() < 2 || bytes <= 0) return start_transfer(pod, members);
  if (kind == CollectiveKind::send)
    return point_to_point(fabric, pod, first_rank, members.front(), members.back(), bytes);
  if (kind == CollectiveKind::all_to_all) {
    const AllToAll all(fabric, first_rank, {members.begin(), members.end()});
    return exchange(algorithm, all, pod, equal_shares(all, bytes, traits(algorithm).two_hop));
  }
  Transfer transfer = start_transfer(pod, members);
  const Nodes nodes = split_by_node(group);
  const PortLoad load = port_load(kind, algorithm, pod, shape_of(group, nodes), bytes);
  add_flows(nodes, load, fabric.mesh(), transfer.flows);
  transfer.latency_s = load.startup_s;
  if (algorithm == CollectiveAlgorithm::closed_form)
    transfer.latency_s += collective_lower_bound_s(kind, group, bytes);
  return transfer;
}

GroupShape shape_of(const FoldedGroup& folded) {
  const auto& [pod, rank, group] = folded;
  const int inside = group.members_per_node(pod.gpus_per_node);
  GroupShape shape;
  shape.members = group.size;
  shape.nodes = (group.size + inside - 1) / inside;
  shape.per_node = inside;
  const double crossing = group.spine_share(pod.gpus_per_node, pod.nodes_per_leaf);
  shape.hop_s = shape.nodes == 1 ? pod.nvlink_latency_s
                                 : pod.nic_latency_s + crossing * pod.nic_spine_latency_s;
  return shape;
}

Transfer collective(CollectiveKind kind, CollectiveAlgorithm algorithm, const FoldedGroup& folded,
                    double bytes) {
  MOESIM_CHECK(algorithm != CollectiveAlgorithm::closed_form, "a folded group has no closed form");
  const int self[] = {folded.rank};
  Transfer transfer = start_transfer(folded.pod, self);
  const PortLoad load = port_load(kind, algorithm, folded.pod, shape_of(folded), bytes);
  const auto both_ways = [&](Port port, Port far, double amount) {
    if (amount <= 0) return;
    transfer.flows.push_back({endpoint(folded.rank, port), endpoint(folded.rank, far), amount});
    transfer.flows.push_back({endpoint(folded.rank, far), endpoint(folded.rank, port), amount});
  };
  // A far side takes the port as a whole, of which a group within a mesh reaches the links to its
  // own members.
  const int inside = folded.group.members_per_node(folded.pod.gpus_per_node);
  const double unreached = folded.pod.link_bytes_per_s > 0 && inside > 1
                               ? (folded.pod.gpus_per_node - 1.0) / (inside - 1)
                               : 1;
  both_ways(Port::nvlink, Port::far_nvlink, load.nvlink_bytes * unreached);
  const double crossing =
      folded.group.spine_share(folded.pod.gpus_per_node, folded.pod.nodes_per_leaf);
  both_ways(Port::nic, Port::far_nic, load.nic_bytes * (1 - crossing));
  both_ways(Port::nic, Port::far_spine, load.nic_bytes * crossing);
  transfer.latency_s = load.startup_s;
  return transfer;
}

void add_exchange(CollectiveAlgorithm algorithm, const AllToAll& group, const ExchangeBytes& bytes,
                  std::vector<Flow>& flows) {
  const auto add = functions(algorithm).exchange;
  MOESIM_CHECK(add, "{} has no flows of an all-to-all", spelling(algorithm));
  add(group, bytes, flows);
}

Transfer exchange(CollectiveAlgorithm algorithm, const AllToAll& group, const Pod& pod,
                  const ExchangeBytes& bytes) {
  const CollectiveAlgorithm chosen =
      chosen_algorithm(CollectiveKind::all_to_all, algorithm, group.size());
  Transfer transfer;
  transfer.latency_s = pod.collective_startup_s + group.latency_s() +
                       pod.message_startup_s * group.messages(bytes.two_hop);
  transfer.nic_share = pod.peer_queue_pairs * group.far_peers(bytes.two_hop);
  if (chosen == CollectiveAlgorithm::closed_form)
    transfer.latency_s += group.port_bound_s(group.hops(bytes));
  else
    add_exchange(chosen, group, bytes, transfer.flows);
  return transfer;
}

double bytes_sent_per_member(CollectiveKind kind, int members, double bytes) {
  if (members < 2) return 0;
  if (kind == CollectiveKind::broadcast) return bytes;
  return bytes * (members - 1) / members * (kind == CollectiveKind::all_reduce ? 2 : 1);
}

double collective_lower_bound_s(CollectiveKind kind, const CollectiveGroup& group, double bytes) {
  const auto& [of_group, pod, first_rank, members] = group;
  const Fabric& fabric = of_group;  // which lambdas capture, as they may not a binding
  if (members.size() < 2) return 0;
  if (kind == CollectiveKind::all_to_all) {
    const AllToAll all(fabric, first_rank, {members.begin(), members.end()});
    return all.port_bound_s(all.hops(equal_shares(all, bytes, false)));
  }
  if (kind == CollectiveKind::send) {
    const Flow flow =
        point_to_point(fabric, pod, first_rank, members.front(), members.back(), bytes).flows[0];
    const int32_t shift = first_rank * kPorts;
    const Route route = fabric.route(flow.source + shift, flow.target + shift);
    return bytes / fabric.links[static_cast<size_t>(route.links[0])].bytes_per_s;
  }
  const Nodes nodes = split_by_node(group);
  const RankPlace& place = fabric.ranks[first_rank + members[0]];
  const auto port_s = [&](int32_t link, double amount) {
    return amount / fabric.links[static_cast<size_t>(link)].bytes_per_s;
  };
  if (nodes.size() == 1) {
    const double received = bytes_sent_per_member(kind, static_cast<int>(members.size()), bytes);
    const int32_t direct = fabric.pair_link(first_rank + members[1], first_rank + members[0]);
    return direct < 0 ? port_s(place.nvlink_in, received)
                      : port_s(direct, received / static_cast<double>(members.size() - 1));
  }
  const double per_node = bytes_sent_per_member(kind, static_cast<int>(nodes.size()), bytes);
  return port_s(place.nic_in, per_node / static_cast<double>(nodes[0].size()));
}

double farthest_hop_s(const Pod& pod, int devices) {
  if (devices <= pod.gpus_per_node) return pod.nvlink_latency_s;
  const int nodes = (devices + pod.gpus_per_node - 1) / pod.gpus_per_node;
  return pod.nic_latency_s + (nodes > pod.nodes_per_leaf ? pod.nic_spine_latency_s : 0);
}

Transfer ring_shift(const CollectiveGroup& group, double bytes) {
  const auto& [fabric, pod, first_rank, members] = group;
  Transfer transfer = start_transfer(pod, members);
  transfer.nic_share = pod.peer_queue_pairs;
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
  transfer.nic_share = pod.peer_queue_pairs;
  const bool inside = fabric.same_node(first_rank + from, first_rank + to);
  const Port port = inside ? Port::nvlink : Port::nic;
  transfer.flows.push_back({endpoint(from, port), endpoint(to, port), bytes});
  transfer.latency_s = pod.message_startup_s + fabric.latency_s(first_rank + from, first_rank + to);
  return transfer;
}

}  // namespace moesim
