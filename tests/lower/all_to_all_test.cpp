#include "lower/all_to_all.hpp"

#include "base/random.hpp"
#include "catch.hpp"
#include "fixtures/draft.hpp"
#include "fixtures/executed.hpp"

using namespace moesim;

namespace {

ByteMatrix skewed_matrix(int n, uint64_t seed) {
  ByteMatrix matrix;
  matrix.reset(n);
  Random random(seed, {});
  for (double& bytes : matrix.bytes) bytes = 1e6 * std::exp(random.normal());
  return matrix;
}

double sum(const Fabric& fabric, const std::vector<double>& loads, bool out, LinkClass link_class) {
  double total = 0;
  for (const RankPlace& place : fabric.ranks)
    total += loads[link_class == LinkClass::nvlink ? (out ? place.nvlink_out : place.nvlink_in)
                                                   : (out ? place.nic_out : place.nic_in)];
  return total;
}

struct Surroundings {
  std::string name;
  Pod pod;
  std::vector<int> members;
};

std::vector<Surroundings> surroundings() {
  std::vector<Surroundings> all;
  for (const int gpus : {8, 16, 32, 64})
    all.push_back({fmt::format("{}", gpus), plain_pod(gpus), range(0, gpus)});
  for (const int nodes_per_leaf : {1, 2, 3, 32}) {
    Surroundings one{fmt::format("64, {} nodes per leaf", nodes_per_leaf), plain_pod(64),
                     range(0, 64)};
    one.pod.oversubscription = 4;
    one.pod.nodes_per_leaf = nodes_per_leaf;
    all.push_back(one);
  }
  all.push_back({"12 of 16", plain_pod(16), range(0, 12)});
  all.push_back(
      {"every other", plain_pod(32), {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}});
  return all;
}

// Everything in two hops, every token to one rank only.
ExchangeBytes no_duplicates(const AllToAll& group, const ByteMatrix& matrix) {
  ExchangeBytes bytes;
  bytes.two_hop = true;
  bytes.to_rank = matrix;
  bytes.to_node.assign(static_cast<size_t>(matrix.ranks) * group.nodes(), 0);
  for (int i = 0; i < matrix.ranks; ++i)
    for (int j = 0; j < matrix.ranks; ++j)
      bytes.to_node[static_cast<size_t>(i) * group.nodes() + group.node_of(j)] += matrix.at(i, j);
  return bytes;
}

// The oracle: what each link carries of bytes that go from rank to rank, by the places of the ranks
// alone. A leaf switch joins the same rail of `nodes_per_leaf` nodes; `leaf_up` and `leaf_down`
// come in the order in which ranks first need them.
std::vector<double> loads_of_matrix(const Pod& pod, const Fabric& fabric,
                                    const std::vector<int>& members, const ByteMatrix& nvlink,
                                    const ByteMatrix& nic) {
  std::vector<double> loads(fabric.links.size(), 0.0);
  const auto node = [&](int member) { return members[member] / pod.gpus_per_node; };
  const auto leaf = [&](int member) {
    return node(member) / pod.nodes_per_leaf * pod.gpus_per_node +
           members[member] % pod.gpus_per_node;
  };
  for (int i = 0; i < nic.ranks; ++i)
    for (int j = 0; j < nic.ranks; ++j) {
      const RankPlace &from = fabric.ranks[members[i]], &to = fabric.ranks[members[j]];
      loads[from.nvlink_out] += nvlink.at(i, j);
      loads[to.nvlink_in] += nvlink.at(i, j);
      loads[from.nic_out] += nic.at(i, j);
      loads[to.nic_in] += nic.at(i, j);
      if (pod.oversubscription <= 1 || leaf(i) == leaf(j)) continue;
      loads[fabric.leaf_up[from.leaf]] += nic.at(i, j);
      loads[fabric.leaf_down[to.leaf]] += nic.at(i, j);
    }
  return loads;
}

double worst_difference(const std::vector<double>& loads, const std::vector<double>& expected) {
  double worst = 0;
  for (size_t link = 0; link < loads.size(); ++link)
    worst = std::max(worst, std::abs(loads[link] - expected[link]) / std::max(1.0, expected[link]));
  return worst;
}

}  // namespace

TEST_CASE("two hops load ports and uplinks as their byte matrix does, in every form") {
  std::vector<Surroundings> all = surroundings();
  for (const int nodes_per_leaf : {2, 4, 8}) {
    Surroundings one{fmt::format("128, {} nodes per leaf", nodes_per_leaf), plain_pod(128),
                     range(0, 128)};
    one.pod.oversubscription = 2;
    one.pod.nodes_per_leaf = nodes_per_leaf;
    all.push_back(one);
  }
  for (const Surroundings& one : all) {
    const Fabric fabric = fabric_of(one.pod);
    const AllToAll group(fabric, 0, one.members);
    const int n = group.size();
    ExchangeBytes bytes = no_duplicates(group, skewed_matrix(n, 6));
    for (double& to_node : bytes.to_node) to_node *= 0.7;
    // By hand: to the member of one's own place in the destination node, from there to each rank.
    ByteMatrix nvlink, nic;
    nvlink.reset(n), nic.reset(n);
    std::vector<std::vector<int>> by_node(group.nodes());
    for (int i = 0; i < n; ++i) by_node[group.node_of(i)].push_back(i);
    for (int i = 0; i < n; ++i) {
      const auto& own = by_node[group.node_of(i)];
      const size_t place = std::find(own.begin(), own.end(), i) - own.begin();
      for (int node = 0; node < group.nodes(); ++node) {
        const int gate = node == group.node_of(i) ? i : by_node[node][place % by_node[node].size()];
        if (gate != i) nic.at(i, gate) += bytes.to_node[size_t(i) * group.nodes() + node];
        for (const int j : by_node[node])
          if (j != gate) nvlink.at(gate, j) += bytes.to_rank.at(i, j);
      }
    }
    const auto expected = loads_of_matrix(one.pod, fabric, one.members, nvlink, nic);
    double bound_s = 0;
    for (size_t link = 0; link < expected.size(); ++link)
      bound_s = std::max(bound_s, expected[link] / fabric.links[link].bytes_per_s);
    INFO(one.name);
    const Hops hops = group.hops(bytes);
    CHECK(group.port_bound_s(hops) == Approx(bound_s).epsilon(1e-12));
    for (const bool balanced : {false, true}) {
      std::vector<Flow> flows;
      balanced ? group.port_balanced(hops, flows) : group.flat(hops, flows);
      INFO((balanced ? "port-balanced" : "flat"));
      CHECK(worst_difference(link_loads(fabric, flows), expected) < 1e-6);
    }
  }
}

TEST_CASE("port-balanced loads every link as flat does, with few flows") {
  for (const Surroundings& one : surroundings()) {
    const Fabric fabric = fabric_of(one.pod);
    const AllToAll group(fabric, 0, one.members);
    for (const uint64_t seed : {1, 2, 3}) {
      INFO(one.name << " seed " << seed);
      const ByteMatrix matrix = skewed_matrix(group.size(), seed);
      std::vector<Flow> flat, balanced;
      group.flat(matrix, flat);
      group.port_balanced(matrix, balanced);
      const auto expected = link_loads(fabric, flat), loads = link_loads(fabric, balanced);
      double worst = 0;
      for (size_t link = 0; link < loads.size(); ++link)
        worst =
            std::max(worst, std::abs(loads[link] - expected[link]) / std::max(1.0, expected[link]));
      CHECK(worst < 1e-6);
      CHECK(flat.size() == static_cast<size_t>(group.size() * (group.size() - 1)));
      if (one.pod.oversubscription == 1)
        CHECK(balanced.size() <= 6 * static_cast<size_t>(group.size()));
      CHECK(balanced.size() <= flat.size());
      // Bytes sent are bytes received, and all of them.
      double off_diagonal = 0;
      for (int i = 0; i < group.size(); ++i)
        for (int j = 0; j < group.size(); ++j) off_diagonal += i == j ? 0 : matrix.at(i, j);
      double out = 0, in = 0;
      for (const LinkClass link_class : {LinkClass::nvlink, LinkClass::nic}) {
        out += sum(fabric, loads, true, link_class);
        in += sum(fabric, loads, false, link_class);
      }
      CHECK(out == Approx(off_diagonal).epsilon(1e-6));
      CHECK(in == Approx(off_diagonal).epsilon(1e-6));
    }
  }
}

TEST_CASE("the port bound is the busiest link's time") {
  for (const Surroundings& one : surroundings()) {
    const Fabric fabric = fabric_of(one.pod);
    const AllToAll group(fabric, 0, one.members);
    const ByteMatrix matrix = skewed_matrix(group.size(), 5);
    std::vector<Flow> flat;
    group.flat(matrix, flat);
    const auto loads = link_loads(fabric, flat);
    double seconds = 0, with_rates = 0;
    std::vector<bool> nvlink(loads.size(), false);
    for (const RankPlace& place : fabric.ranks)
      nvlink[place.nvlink_in] = nvlink[place.nvlink_out] = true;
    for (size_t link = 0; link < loads.size(); ++link) {
      const double link_s = loads[link] / fabric.links[link].bytes_per_s;
      seconds = std::max(seconds, link_s);
      with_rates = std::max(with_rates, link_s / (nvlink[link] ? 0.1 : 0.8));
    }
    INFO(one.name);
    CHECK(group.port_bound_s(matrix) == Approx(seconds).epsilon(1e-6));
    CHECK(group.port_bound_s(matrix, 0.1, 0.8) == Approx(with_rates).epsilon(1e-6));
  }
}

TEST_CASE("two hops: NIC bytes once per node, then every byte over NVLink to its rank") {
  for (const Surroundings& one : surroundings()) {
    const Fabric fabric = fabric_of(one.pod);
    const AllToAll group(fabric, 0, one.members);
    const ByteMatrix matrix = skewed_matrix(group.size(), 4);
    ExchangeBytes bytes = no_duplicates(group, matrix);
    CHECK(group.node_totals(matrix) == bytes.to_node);
    for (double& to_node : bytes.to_node)
      to_node *= 0.6;  // tokens that two ranks of a node share travel once
    double over_nic = 0;
    for (int i = 0; i < group.size(); ++i)
      for (int node = 0; node < group.nodes(); ++node)
        if (node != group.node_of(i))
          over_nic += bytes.to_node[static_cast<size_t>(i) * group.nodes() + node];
    for (const bool reverse : {false, true}) {
      INFO(one.name << (reverse ? " reverse" : ""));
      std::vector<Flow> flows;
      bytes.reverse = reverse;
      group.port_balanced(group.hops(bytes), flows);
      const auto loads = link_loads(fabric, flows);
      CHECK(sum(fabric, loads, true, LinkClass::nic) == Approx(over_nic).epsilon(1e-6).margin(1));
      CHECK(sum(fabric, loads, false, LinkClass::nic) == Approx(over_nic).epsilon(1e-6).margin(1));
      CHECK(sum(fabric, loads, true, LinkClass::nvlink) ==
            Approx(sum(fabric, loads, false, LinkClass::nvlink)).epsilon(1e-9));
      // Per source: what leaves its NIC is what it has for other nodes (dispatch), or arrives
      // (combine).
      for (int i = 0; i < group.size(); ++i) {
        double own = 0;
        for (int node = 0; node < group.nodes(); ++node)
          if (node != group.node_of(i))
            own += bytes.to_node[static_cast<size_t>(i) * group.nodes() + node];
        const RankPlace& place = fabric.ranks[one.members[i]];
        CHECK(loads[reverse ? place.nic_in : place.nic_out] == Approx(own).epsilon(1e-6).margin(1));
      }
    }
  }
}

TEST_CASE("combine is dispatch with every hop turned round") {
  const Fabric fabric = fabric_of(plain_pod(16));
  const AllToAll group(fabric, 0, range(0, 16));
  ExchangeBytes bytes = no_duplicates(group, skewed_matrix(16, 4));
  const Hops there = group.hops(bytes);
  bytes.reverse = true;
  const Hops back = group.hops(bytes);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) {
      CHECK(there.nvlink.at(i, j) == back.nvlink.at(j, i));
      CHECK(there.nic.at(i, j) == back.nic.at(j, i));
    }
}

TEST_CASE("where each pair has a link, that link carries the pair's bytes and no other") {
  Pod pod = plain_pod(16);
  pod.link_bytes_per_s = 64e9;
  const Fabric fabric = fabric_of(pod);
  const AllToAll group(fabric, 0, range(0, 8));
  const ByteMatrix matrix = skewed_matrix(8, 2);
  std::vector<Flow> balanced;
  group.port_balanced(matrix, balanced);
  const auto loads = link_loads(fabric, balanced);
  double largest = 0;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) {
      if (i == j) continue;
      CHECK(loads[fabric.pair_link(i, j)] == Approx(matrix.at(i, j)));
      largest = std::max(largest, matrix.at(i, j));
    }
  CHECK(group.port_bound_s(matrix) == Approx(largest / 64e9));
}

TEST_CASE("messages and latency of a group") {
  Pod pod = plain_pod(32);
  pod.nvlink_latency_s = 1e-6;
  pod.nic_latency_s = 3e-6;
  pod.nic_spine_latency_s = 2e-6;
  pod.nodes_per_leaf = 2;
  const Fabric fabric = fabric_of(pod);
  CHECK(AllToAll(fabric, 0, range(0, 8)).latency_s() == 1e-6);
  CHECK(AllToAll(fabric, 0, {0, 8}).latency_s() == 3e-6);
  CHECK(AllToAll(fabric, 0, range(0, 32)).latency_s() == Approx(5e-6));
  CHECK(AllToAll(fabric, 0, {5}).latency_s() == 0);
  const AllToAll all(fabric, 0, range(0, 32));
  CHECK(all.messages(false) == 31);
  CHECK(all.messages(true) == 3 + 7);
  CHECK(all.nodes() == 4);
}
