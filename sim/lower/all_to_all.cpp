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

int AllToAll::far_peers(bool two_hop) const {
  return two_hop ? nodes() - 1 : size() - static_cast<int>(by_node_[0].size());
}

Hops AllToAll::one_hop(const ByteMatrix& matrix) const {
  Hops hops;
  hops.nvlink.reset(size());
  hops.nic.reset(size());
  for (int i = 0; i < size(); ++i)
    for (int j = 0; j < size(); ++j)
      if (i != j) (node_[i] == node_[j] ? hops.nvlink : hops.nic).at(i, j) = matrix.at(i, j);
  return hops;
}

// In two hops the first goes to the GPU of the sender's rail in the destination node (in a node
// with fewer members than others one of them serves several rails), which hands on to each rank.
Hops AllToAll::hops(const ExchangeBytes& bytes) const {
  if (!bytes.two_hop) return one_hop(bytes.to_rank);
  Hops hops;
  hops.nvlink.reset(size());
  hops.nic.reset(size());
  const auto add = [&](ByteMatrix& matrix, int from, int to, double amount) {
    if (from != to) (bytes.reverse ? matrix.at(to, from) : matrix.at(from, to)) += amount;
  };
  for (int i = 0; i < size(); ++i) {
    const auto& own = by_node_[node_[i]];
    const size_t rail = static_cast<size_t>(std::find(own.begin(), own.end(), i) - own.begin());
    for (int node = 0; node < nodes(); ++node) {
      const auto& there = by_node_[node];
      const int gate = node == node_[i] ? i : there[rail % there.size()];
      for (int j : there) add(hops.nvlink, gate, j, bytes.to_rank.at(i, j));
      if (node != node_[i])
        add(hops.nic, i, gate, bytes.to_node[static_cast<size_t>(i) * nodes() + node]);
    }
  }
  return hops;
}

void AllToAll::flat(const Hops& hops, std::vector<Flow>& out) const {
  add_entries(hops.nvlink, Port::nvlink, out);
  add_entries(hops.nic, Port::nic, out);
}

void AllToAll::add_entries(const ByteMatrix& matrix, Port port, std::vector<Flow>& out) const {
  for (int i = 0; i < size(); ++i)
    for (int j = 0; j < size(); ++j)
      if (i != j && matrix.at(i, j) > 0)
        out.push_back({endpoint(members_[i], port), endpoint(members_[j], port), matrix.at(i, j)});
}

void AllToAll::flat(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  flat(one_hop(matrix), out);
}

void AllToAll::port_balanced(const Hops& hops, std::vector<Flow>& out) const {
  pair_nvlink(hops.nvlink, out);
  if (nodes() < 2) return;
  if (by_leaf_.size() > 1)
    pair_leaves(hops.nic, out);
  else
    pair_nics(hops.nic, out);
}

void AllToAll::port_balanced(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  port_balanced(one_hop(matrix), out);
}

// Entries between members of one node, node by node. Where each pair has a link of its own, that
// link is the port, and nothing can be paired anew.
void AllToAll::pair_nvlink(const ByteMatrix& matrix, std::vector<Flow>& out) const {
  if (fabric_.mesh()) return add_entries(matrix, Port::nvlink, out);
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

std::vector<double> AllToAll::node_totals(const ByteMatrix& matrix) const {
  std::vector<double> totals(static_cast<size_t>(size()) * by_node_.size(), 0);
  for (int i = 0; i < size(); ++i)
    for (int j = 0; j < size(); ++j)
      totals[static_cast<size_t>(i) * by_node_.size() + node_[j]] += matrix.at(i, j);
  return totals;
}

double AllToAll::port_bound_s(const Hops& hops, double nvlink_rate, double nic_rate) const {
  std::vector<double> seconds(fabric_.links.size(), 0.0);
  double bound = 0;
  const auto load = [&](int32_t link, double bytes, double rate) {
    seconds[link] += bytes / (fabric_.links[link].bytes_per_s * rate);
    bound = std::max(bound, seconds[link]);
  };
  for (const Port port : {Port::nvlink, Port::nic}) {
    const ByteMatrix& matrix = port == Port::nvlink ? hops.nvlink : hops.nic;
    const double rate = port == Port::nvlink ? nvlink_rate : nic_rate;
    for (int i = 0; i < size(); ++i)
      for (int j = 0; j < size(); ++j) {
        if (i == j || matrix.at(i, j) <= 0) continue;
        const Route route = fabric_.route(endpoint(first_rank_ + members_[i], port),
                                          endpoint(first_rank_ + members_[j], port));
        for (const int32_t link : route.span()) load(link, matrix.at(i, j), rate);
      }
  }
  return bound;
}

double AllToAll::port_bound_s(const ByteMatrix& matrix, double nvlink_rate, double nic_rate) const {
  return port_bound_s(one_hop(matrix), nvlink_rate, nic_rate);
}

}  // namespace moesim
