#include "cluster/fabric.hpp"

#include <numeric>

#include "catch.hpp"

using namespace moesim;

namespace {

Pod pod_of(int gpus) {
  Pod pod;
  pod.gpus = gpus;
  pod.nvlink_bytes_per_s = 450e9;
  pod.nic_bytes_per_s = 50e9;
  return pod;
}

Fabric faulty(const Pod& pod, const std::vector<LinkFault>& links, int simulated = 0) {
  std::vector<int> ranks(simulated > 0 ? simulated : pod.gpus);
  std::iota(ranks.begin(), ranks.end(), 0);
  FaultSpec faults;
  faults.links = links;
  return build_fabric(pod, ranks, faults);
}

double out_bytes_per_s(const Fabric& fabric, int rank) {
  return fabric.links[fabric.ranks[rank].nic_out].bytes_per_s;
}

}  // namespace

TEST_CASE("a slow link is slow both ways, and no other is") {
  const Fabric fabric = faulty(pod_of(16), {{{.rank = 3}, 0.5, 0.25}});
  const RankPlace& place = fabric.ranks[3];
  for (const int32_t link : {place.nic_out, place.nic_in})
    CHECK(fabric.links[link].bytes_per_s == 25e9);
  for (const int32_t link : {place.nvlink_out, place.nvlink_in})
    CHECK(fabric.links[link].bytes_per_s == 112.5e9);
  for (const int rank : {0, 2, 4, 11}) CHECK(out_bytes_per_s(fabric, rank) == 50e9);
}

TEST_CASE("traffic of a dead NIC goes over the next one of the node that works") {
  const Fabric fabric =
      faulty(pod_of(16), {{{.rank = 3}, 0}, {{.rank = 4}, 0}, {{.node = 1, .gpu = 7}, 0}});
  const auto first_link = [&](int rank) {
    // endpoints are numbered as in graph/task.hpp: rank * 5, and 1 for the NIC
    return fabric.route(rank * 5 + 1, (rank < 8 ? 9 : 1) * 5 + 1).links[0];
  };
  CHECK(first_link(3) == fabric.ranks[5].nic_out);
  CHECK(first_link(4) == fabric.ranks[5].nic_out);
  CHECK(first_link(15) == fabric.ranks[8].nic_out);
  CHECK(fabric.ranks[3].nic_in == fabric.ranks[5].nic_in);
  CHECK(out_bytes_per_s(fabric, 5) == 50e9);
}

TEST_CASE("a dead NIC whose neighbours are not simulated shares with one of them") {
  const Fabric fabric = faulty(pod_of(16), {{{.rank = 0}, 0}}, 1);
  CHECK(out_bytes_per_s(fabric, 0) == 25e9);
}

TEST_CASE("a dead NIC moves its rank to the leaf switch of the NIC that stands in") {
  Pod pod = pod_of(32);
  pod.oversubscription = 2;
  pod.nodes_per_leaf = 2;
  const Fabric sound = faulty(pod, {}), fabric = faulty(pod, {{{.rank = 3}, 0}});
  CHECK(fabric.ranks[3].leaf == sound.ranks[4].leaf);
  // Uplinks stay as they are.
  for (size_t leaf = 0; leaf < sound.leaf_up.size(); ++leaf)
    CHECK(fabric.links[fabric.leaf_up[leaf]].bytes_per_s ==
          sound.links[sound.leaf_up[leaf]].bytes_per_s);
}
