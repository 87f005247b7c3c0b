// Collectives as flows and latency: `collective(kind, algorithm, group, bytes)`. Training steps,
// `moesim collective`, tables of measured collectives and the closed form all come here. A new
// algorithm is a row in plan/collective_algorithm.hpp and one function in collectives.cpp, which
// says what it puts on each member's ports; where the members are, and whether all of them are
// simulated, is no business of an algorithm.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cluster/fabric.hpp"
#include "cluster/pod.hpp"
#include "graph/task.hpp"
#include "lower/all_to_all.hpp"
#include "plan/collective_algorithm.hpp"
#include "plan/mapping.hpp"

namespace moesim {

enum class CollectiveKind : uint8_t {
  all_to_all,
  all_reduce,
  reduce_scatter,
  all_gather,
  broadcast,
  send,  // from the first member to the last
};
inline constexpr auto kCollectiveKinds = spell<CollectiveKind::send>(
    "all-to-all", "all-reduce", "reduce-scatter", "all-gather", "broadcast", "send");
constexpr const auto& enum_names(CollectiveKind) { return kCollectiveKinds; }

// Members with one buffer size for all of them.
constexpr bool shares_a_buffer(CollectiveKind kind) {
  return kind != CollectiveKind::all_to_all && kind != CollectiveKind::send;
}

// Simulated ranks, counted from `first_rank`.
struct CollectiveGroup {
  const Fabric& fabric;
  const Pod& pod;
  int first_rank = 0;
  std::span<const int> members;
};

// A group of which only `rank` is simulated: the collective loads its ports from and to the far
// side.
struct FoldedGroup {
  const Pod& pod;
  int rank = 0;
  SpreadGroup group;
};

// Algorithms ask this about a group.
struct GroupShape {
  int members = 0;
  int nodes = 1;
  double per_node = 1;  // members that share a node
  double hop_s = 0;     // latency between the two farthest members
};
GroupShape shape_of(const FoldedGroup& group);

// Holds what a collective puts on the ports of each member, in either direction, and the latency of
// its steps.
struct PortLoad {
  double nvlink_bytes = 0;
  double nic_bytes = 0;
  double startup_s = 0;
};

// The algorithm that `automatic` stands for: rings, which NCCL's trees equal in bytes; for an
// all-to-all flat flows while they are few, port-balanced ones beyond.
CollectiveAlgorithm chosen_algorithm(CollectiveKind kind, CollectiveAlgorithm asked, int members);

// `bytes`: the whole buffer (all-gather: after gathering; reduce-scatter: before scattering;
// all-to-all: what each member sends, its own share included, the same to everybody; send: the
// message). Fewer than two members, or no bytes, are no flows and no latency. The algorithm must
// carry collectives of this kind (CollectiveAlgorithmTraits); a send has only one way.
Transfer collective(CollectiveKind kind, CollectiveAlgorithm algorithm,
                    const CollectiveGroup& group, double bytes);
// Not for all_to_all and send, and not by closed_form.
Transfer collective(CollectiveKind kind, CollectiveAlgorithm algorithm, const FoldedGroup& group,
                    double bytes);
// The same in figures, for formulas.
PortLoad port_load(CollectiveKind kind, CollectiveAlgorithm algorithm, const Pod& pod,
                   const GroupShape& shape, double bytes);

// Adds the flows of an all-to-all of given amounts by an algorithm whose traits say that it
// exchanges; not closed_form, whose time is AllToAll::port_bound_s, and not automatic.
void add_exchange(CollectiveAlgorithm algorithm, const AllToAll& group, const ExchangeBytes& bytes,
                  std::vector<Flow>& flows);

// An all-to-all of given amounts, with the start-up of a collective and of one message per peer.
Transfer exchange(CollectiveAlgorithm algorithm, const AllToAll& group, const Pod& pod,
                  const ExchangeBytes& bytes);

// Every member sends this many bytes to the next one (one step of ring attention).
Transfer ring_shift(const CollectiveGroup& group, double bytes);

// One message; NVLink inside a node, NIC between nodes. Ranks relative to `first_rank`.
Transfer point_to_point(const Fabric& fabric, const Pod& pod, int first_rank, int from, int to,
                        double bytes);

// Latency between the two farthest of this many consecutive devices on the same rail.
double farthest_hop_s(const Pod& pod, int devices);

// No algorithm beats this: a node must take in (and, where sums are formed, give out) what it lacks
// through its NICs, and a member of a single node through its NVLink port.
double collective_lower_bound_s(CollectiveKind kind, const CollectiveGroup& group, double bytes);

// Bytes that each member must send at least, whatever the algorithm; not for all_to_all and send.
double bytes_sent_per_member(CollectiveKind kind, int members, double bytes);

}  // namespace moesim
