// Collectives with one size for all members, as the flows and the latency of the algorithm that
// NCCL would run.
#pragma once

#include <span>
#include <vector>

#include "cluster/fabric.hpp"
#include "cluster/pod.hpp"
#include "graph/task.hpp"
#include "plan/mapping.hpp"

namespace moesim {

enum class CollectiveKind { all_reduce, reduce_scatter, all_gather, broadcast };

// `bytes`: the whole buffer (all-gather: after gathering; reduce-scatter: before scattering).
//
// Ring: with g members in each of n nodes, g rings enter and leave each node over different NICs;
// of the B bytes that every member passes on (B = bytes (N-1)/N, twice that for all-reduce),
// (g-1)/g go over NVLink and 1/g over its NIC. Steps pay latency one after the other; where a
// tree's 2 log2 N are fewer, they are paid instead.
Transfer ring_collective(const Fabric& fabric, const Pod& pod, CollectiveKind kind, int first_rank,
                         std::span<const int> members, double bytes);

// What of a collective does not depend on its bytes. `hop_s`: latency between members of different
// nodes.
double collective_startup_s(const Pod& pod, CollectiveKind kind, int members, int nodes,
                            double hop_s);

// Latency between the two farthest of so many consecutive devices on the same rail.
double farthest_hop_s(const Pod& pod, int devices);

// The same for a group of which only this rank is simulated: loads its ports from and to the far
// side.
Transfer spread_collective(const Pod& pod, CollectiveKind kind, int rank, const SpreadGroup& group,
                           double bytes);

// Hierarchical over the same ports: inside the node first, then each member with its peers of the
// same rail. Loads NVLink with bytes (g-1)/g and the NIC with bytes (n-1)/(n g), each twice for
// all-reduce; the two overlap by chunks.
Transfer hierarchical_collective(const Fabric& fabric, const Pod& pod, CollectiveKind kind,
                                 int first_rank, std::span<const int> members, double bytes);

// Every member sends so many bytes to the next one (one step of ring attention).
Transfer ring_shift(const Fabric& fabric, const Pod& pod, int first_rank,
                    std::span<const int> members, double bytes);

// One message; NVLink inside a node, NIC between nodes. Ranks relative to `first_rank`.
Transfer point_to_point(const Fabric& fabric, const Pod& pod, int first_rank, int from, int to,
                        double bytes);

// What no algorithm beats: a node must take in (and, where sums are formed, give out) what it lacks
// through its NICs, and a member of a single node through its NVLink port.
double collective_lower_bound_s(const Fabric& fabric, CollectiveKind kind, int first_rank,
                                std::span<const int> members, double bytes);

// Bytes that each member must send at least, whatever the algorithm.
double bytes_sent_per_member(CollectiveKind kind, int members, double bytes);

}  // namespace moesim
