#include "lower/all_to_all.hpp"

#include <algorithm>
#include <map>

#include "lower/pairing.hpp"

namespace moesim {

AllToAll::AllToAll(const Fabric& fabric, int first_rank, std::vector<int> members)
    : fabric_(fabric), first_rank_(first_rank), members_(std::move(members)) {
  std::map<int, int> nodes, leaves;
  for (int i = 0; i < size(); ++i) {
    const RankPlace& place = fabric.ranks[first_rank + members_[i]];
    const auto node = nodes.try_emplace(place.node, nodes.size()).first->second;
    const auto leaf = leaves.try_emplace(place.leaf, leaves.size()).first->second;
    node_.push_back(node);
    by_node_.resize(nodes.size());
    by_leaf_.resize(leaves.size());
    by_node_[node].push_back(i);
    by_leaf_[leaf].push_back(i);
    latency_s_ =
        std::max(latency_s_, fabric.latency_s(first_rank + members_[0], first_rank + members_[i]));
  }
  if (size() < 2) latency_s_ = 0;
}

int AllToAll::messages(bool two_hop) const {
  return two_hop ? nodes() - 1 + static_cast<int>(by_node_[0].size()) - 1 : size() - 1;
}

void AllToAll::flat(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  for (int i = 0; i < size(); ++i)
    for (int j = 0; j < size(); ++j) {
      if (i == j || matrix.at(i, j) <= 0) continue;
      const Port port = node_[i] == node_[j] ? Port::nvlink : Port::nic;
      out.push_back({endpoint(members_[i], port), endpoint(members_[j], port), matrix.at(i, j)});
    }
}

void AllToAll::port_balanced(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  pair_nvlink(matrix, out);
  if (nodes() < 2) return;
  if (by_leaf_.size() > 1)
    pair_leaves(matrix, out);
  else
    pair_nics(matrix, out);
}

// Entries between members of one node, node by node.
void AllToAll::pair_nvlink(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  std::vector<double> egress, ingress;
  std::vector<int> senders, receivers;
  for (const auto& members : by_node_) {
    const size_t n = members.size();
    if (n < 2) continue;
    egress.assign(n, 0), ingress.assign(n, 0);
    senders.clear(), receivers.clear();
    for (size_t a = 0; a < n; ++a) {
      const size_t b = (a + 1) % n;  // receivers start one on, so that equal totals pair neighbours
      senders.push_back(members_[members[a]]);
      receivers.push_back(members_[members[b]]);
      for (size_t c = 0; c < n; ++c) {
        if (c != a) egress[a] += matrix.at(members[a], members[c]);
        if (c != b) ingress[a] += matrix.at(members[c], members[b]);
      }
    }
    pair_north_west(Port::nvlink, senders, egress, receivers, ingress, out);
  }
}

// Non-blocking fabric: only the totals of each NIC matter.
void AllToAll::pair_nics(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  const int n = size(), shift = static_cast<int>(by_node_[0].size());
  std::vector<double> egress(n), ingress(n);
  std::vector<int> senders(n), receivers(n);
  for (int i = 0; i < n; ++i) {
    const int to = (i + shift) % n;
    senders[i] = members_[i];
    receivers[i] = members_[to];
    for (int j = 0; j < n; ++j) {
      if (node_[i] != node_[j]) egress[i] += matrix.at(i, j);
      if (node_[to] != node_[j]) ingress[i] += matrix.at(j, to);
    }
  }
  pair_north_west(Port::nic, senders, egress, receivers, ingress, out);
}

// Oversubscribed: what passes between each pair of leaf switches is kept too.
void AllToAll::pair_leaves(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  std::vector<double> egress, ingress;
  std::vector<int> senders, receivers;
  for (const auto& from : by_leaf_)
    for (const auto& to : by_leaf_) {
      egress.assign(from.size(), 0), ingress.assign(to.size(), 0);
      senders.clear(), receivers.clear();
      for (int i : from) senders.push_back(members_[i]);
      for (size_t b = 0; b < to.size(); ++b) {
        const size_t shifted = (b + 1) % to.size();
        receivers.push_back(members_[to[shifted]]);
        for (size_t a = 0; a < from.size(); ++a) {
          if (node_[from[a]] == node_[to[shifted]]) continue;
          egress[a] += matrix.at(from[a], to[shifted]);
          ingress[b] += matrix.at(from[a], to[shifted]);
        }
      }
      pair_north_west(Port::nic, senders, egress, receivers, ingress, out);
    }
}

// First hop: totals of each NIC within its rail. Second hop: the rail's GPU of the destination node
// hands on to each rank, together with what never leaves the node.
void AllToAll::hierarchical(const ExchangeBytes& bytes, std::vector<Flow>& out) const {
  ByteMatrix inside;  // NVLink bytes between members of a node
  const int n = size();
  inside.reset(n);
  size_t rails = 0;
  for (const auto& members : by_node_) rails = std::max(rails, members.size());
  // Bytes arrive on a rail: in a node with fewer members than others one of them takes in more than
  // one rail.
  std::vector<double> egress(n, 0.0), ingress(rails * by_node_.size(), 0.0);
  for (int i = 0; i < n; ++i) {
    const auto& own = by_node_[node_[i]];
    const size_t rail = static_cast<size_t>(std::find(own.begin(), own.end(), i) - own.begin());
    for (int node = 0; node < nodes(); ++node) {
      const auto& there = by_node_[node];
      const int gate = node == node_[i] ? i : there[rail % there.size()];
      for (int j : there)
        if (j != gate) inside.at(gate, j) += bytes.to_rank.at(i, j);
      if (node == node_[i]) continue;
      const double over_nic = bytes.to_node[static_cast<size_t>(i) * nodes() + node];
      egress[i] += over_nic;
      ingress[rail * by_node_.size() + node] += over_nic;
    }
  }
  const size_t begin = out.size();
  std::vector<double> rail_out, rail_in;
  std::vector<int> senders, receivers;
  for (size_t rail = 0; rail < rails && nodes() > 1; ++rail) {
    rail_out.clear(), rail_in.clear(), senders.clear(), receivers.clear();
    for (int node = 0; node < nodes(); ++node) {
      const int following = (node + 1) % nodes();
      const auto &here = by_node_[node], &next = by_node_[following];
      senders.push_back(members_[here[rail % here.size()]]);
      receivers.push_back(members_[next[rail % next.size()]]);
      rail_out.push_back(rail < here.size() ? egress[here[rail]] : 0);
      rail_in.push_back(ingress[rail * by_node_.size() + following]);
    }
    pair_north_west(Port::nic, senders, rail_out, receivers, rail_in, out);
  }
  pair_nvlink(inside, out);
  if (bytes.reverse)
    for (size_t i = begin; i < out.size(); ++i) std::swap(out[i].source, out[i].target);
}

std::vector<double> AllToAll::node_totals(const ByteMatrix& matrix) const {
  std::vector<double> totals(static_cast<size_t>(size()) * by_node_.size(), 0);
  for (int i = 0; i < size(); ++i)
    for (int j = 0; j < size(); ++j)
      totals[static_cast<size_t>(i) * by_node_.size() + node_[j]] += matrix.at(i, j);
  return totals;
}

double AllToAll::port_bound_s(const ByteMatrix& matrix, double nvlink_rate, double nic_rate) const {
  // These flows load every link as the matrix itself does, and are fewer to add up.
  std::vector<Flow> flows;
  port_balanced(matrix, flows);
  std::vector<double> load(fabric_.links.size(), 0.0);
  double bound = 0;
  const int32_t shift = first_rank_ * kPorts;
  for (const Flow& flow : flows) {
    const Route route = fabric_.route(flow.source + shift, flow.target + shift);
    const double rate =
        flow.source % kPorts == static_cast<int32_t>(Port::nvlink) ? nvlink_rate : nic_rate;
    for (int32_t link : route.span()) {
      load[link] += flow.bytes / rate;
      bound = std::max(bound, load[link] / fabric_.links[link].bytes_per_s);
    }
  }
  return bound;
}

}  // namespace moesim
