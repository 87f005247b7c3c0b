// An all-to-all with a byte matrix, as flows. What each member sends to whom over which port (its
// hops) follows from the bytes alone; every form of flows puts the same bytes on every NVLink port,
// NIC and leaf uplink, and differs in how many flows carry them. See docs/model/communication.md.
#pragma once

#include <span>
#include <vector>

#include "cluster/fabric.hpp"
#include "graph/task.hpp"

namespace moesim {

// bytes(i, j): what member i of the group sends to member j; the diagonal stays where it is.
struct ByteMatrix {
  int ranks = 0;
  std::vector<double> bytes;
  void reset(int size) {
    ranks = size;
    bytes.assign(static_cast<size_t>(size) * size, 0.0);
  }
  double& at(int i, int j) { return bytes[static_cast<size_t>(i) * ranks + j]; }
  double at(int i, int j) const { return bytes[static_cast<size_t>(i) * ranks + j]; }
};

// Holds the bytes that an all-to-all moves. One hop: `to_rank` alone, straight from rank to rank.
// Two hops, where a token travels once per destination node, to the GPU of the same rail over the
// NIC and from there over NVLink to each destination rank: `to_rank` counts distinct (token, rank)
// pairs, and `to_node` distinct (token, node) pairs.
struct ExchangeBytes {
  ByteMatrix to_rank;           // [source][rank]
  std::vector<double> to_node;  // [source][node of the group], own node included or not
  bool two_hop = false;
  // Two hops: every byte goes back the way it came (combine). In one hop, turn `to_rank` round.
  bool reverse = false;
};

// Who sends what to whom over which port: NVLink within a node, NICs between nodes.
struct Hops {
  ByteMatrix nvlink, nic;
};

// A group of ranks with a fixed place in the fabric. Flows come out with endpoints relative to
// `first_rank`, where the group's members are `members[i]`.
class AllToAll {
 public:
  AllToAll(const Fabric& fabric, int first_rank, std::vector<int> members);

  int size() const { return static_cast<int>(members_.size()); }
  int nodes() const { return static_cast<int>(by_node_.size()); }
  int node_of(int member) const { return node_[member]; }
  double latency_s() const { return latency_s_; }  // to the farthest pair

  // Messages that one member starts: one per peer, or one per peer of its rail and node when sent
  // in two hops.
  int messages(bool two_hop) const;
  // Peers of one member in other nodes, of its rail where it sends in two hops.
  int far_peers(bool two_hop) const;

  Hops hops(const ExchangeBytes& bytes) const;
  // A flow for each entry: N(N-1) in one hop.
  void flat(const Hops& hops, std::vector<Flow>& out) const;
  // At most 2N-1 flows per port class: totals of each port, and of each pair of oversubscribed
  // leaves, re-paired by the north-west-corner rule.
  void port_balanced(const Hops& hops, std::vector<Flow>& out) const;
  // The same of what goes from rank to rank in one hop.
  void flat(const ByteMatrix& matrix, std::vector<Flow>& out) const;
  void port_balanced(const ByteMatrix& matrix, std::vector<Flow>& out) const;
  // ExchangeBytes::to_node of a matrix in which nothing is sent to two ranks of a node.
  std::vector<double> node_totals(const ByteMatrix& matrix) const;
  // Seconds until the busiest port or uplink has moved its bytes, summed from the hops themselves:
  // the closed form, and a lower bound of every form. Rates: what is used of the bandwidth of
  // either kind of port.
  double port_bound_s(const Hops& hops, double nvlink_rate = 1, double nic_rate = 1) const;
  double port_bound_s(const ByteMatrix& matrix, double nvlink_rate = 1, double nic_rate = 1) const;

 private:
  void add_entries(const ByteMatrix& matrix, Port port, std::vector<Flow>& out) const;
  void pair_nvlink(const ByteMatrix& matrix, std::vector<Flow>& out) const;
  void pair_nics(const ByteMatrix& matrix, std::vector<Flow>& out) const;
  void pair_leaves(const ByteMatrix& matrix, std::vector<Flow>& out) const;
  Hops one_hop(const ByteMatrix& matrix) const;

  const Fabric& fabric_;
  int first_rank_;
  std::vector<int> members_;
  std::vector<int> node_;                  // member -> node index within the group
  std::vector<std::vector<int>> by_node_;  // node index -> members
  std::vector<std::vector<int>>
      by_leaf_;  // leaf index -> members; one when the fabric is non-blocking
  double latency_s_ = 0;
};

}  // namespace moesim
