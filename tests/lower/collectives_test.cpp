#include "lower/collectives.hpp"

#include <map>

#include "catch.hpp"
#include "fixtures/draft.hpp"
#include "fixtures/executed.hpp"

using namespace moesim;

namespace {

constexpr CollectiveKind kKinds[] = {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter,
                                     CollectiveKind::all_gather, CollectiveKind::broadcast};

double seconds(const Fabric& fabric, const Transfer& transfer) {
  return busiest_s(fabric, crossed_links(fabric, transfer.flows));
}

std::map<int32_t, double> sent_by(const Transfer& transfer) {
  std::map<int32_t, double> sent;
  for (const Flow& flow : transfer.flows) sent[flow.source / kPorts] += flow.bytes;
  return sent;
}

Transfer ring(CollectiveKind kind, const Fabric& fabric, const Pod& pod,
              const std::vector<int>& members, double bytes) {
  return collective(kind, CollectiveAlgorithm::automatic, {fabric, pod, 0, members}, bytes);
}

Transfer folded(CollectiveKind kind, const Pod& pod, const SpreadGroup& group, double bytes) {
  return collective(kind, CollectiveAlgorithm::automatic, FoldedGroup{pod, 0, group}, bytes);
}

}  // namespace

TEST_CASE("bytes that a member sends, from the algorithms' definitions") {
  CHECK(bytes_sent_per_member(CollectiveKind::all_reduce, 8, 800) == Approx(2 * 700));
  CHECK(bytes_sent_per_member(CollectiveKind::reduce_scatter, 8, 800) == Approx(700));
  CHECK(bytes_sent_per_member(CollectiveKind::all_gather, 8, 800) == Approx(700));
  CHECK(bytes_sent_per_member(CollectiveKind::broadcast, 8, 800) == Approx(800));
  CHECK(bytes_sent_per_member(CollectiveKind::all_reduce, 1, 800) == 0);
}

TEST_CASE("rings: every member sends its share and no port is loaded twice") {
  const Pod pod = plain_pod(64);
  const Fabric fabric = fabric_of(pod);
  for (const CollectiveKind kind : kKinds)
    for (const int members : {2, 8, 16, 64}) {
      const Transfer around = ring(kind, fabric, pod, range(0, members), 1e9);
      const double each = bytes_sent_per_member(kind, members, 1e9);
      INFO("kind " << static_cast<int>(kind) << " members " << members);
      for (const auto& [rank, bytes] : sent_by(around)) CHECK(bytes == Approx(each));
      CHECK(sent_by(around).size() == static_cast<size_t>(members));
      CHECK(around.ranks.size() == static_cast<size_t>(members));
      const double nvlink_s = each * (members > 8 ? 7.0 / 8 : 1) / 450e9,
                   nic_s = members > 8 ? each / 8 / 50e9 : 0;
      CHECK(seconds(fabric, around) == Approx(std::max(nvlink_s, nic_s)));
      const double bound = collective_lower_bound_s(kind, {fabric, pod, 0, range(0, members)}, 1e9);
      CHECK(seconds(fabric, around) >= bound * (1 - 1e-9));
      const Transfer levels = collective(kind, CollectiveAlgorithm::hierarchical,
                                         {fabric, pod, 0, range(0, members)}, 1e9);
      CHECK(seconds(fabric, levels) >= bound * (1 - 1e-9));
    }
}

TEST_CASE("one member, or no bytes, is no transfer") {
  const Pod pod = plain_pod(8);
  const Fabric fabric = fabric_of(pod);
  for (const CollectiveKind kind : kKinds) {
    CHECK(ring(kind, fabric, pod, range(3, 4), 1e9).flows.empty());
    CHECK(ring(kind, fabric, pod, range(0, 8), 0).flows.empty());
    CHECK(folded(kind, pod, {1, 1}, 1e9).flows.empty());
  }
}

TEST_CASE("latency: steps of a ring, or of a tree where NCCL has one and it is faster") {
  Pod pod = plain_pod(64);
  pod.nvlink_latency_s = 1e-6;
  pod.nic_latency_s = 3e-6;
  pod.message_startup_s = 0.5e-6;
  pod.collective_startup_s = 10e-6;
  const Fabric fabric = fabric_of(pod);
  const auto latency = [&](CollectiveKind kind, int members) {
    return ring(kind, fabric, pod, range(0, members), 1e6).latency_s;
  };
  CHECK(latency(CollectiveKind::all_gather, 2) == Approx(10e-6 + 1 * 1.5e-6));
  CHECK(latency(CollectiveKind::all_reduce, 2) == Approx(10e-6 + 2 * 1.5e-6));
  CHECK(latency(CollectiveKind::all_reduce, 8) == Approx(10e-6 + 6 * 1.5e-6));  // tree: 2 log2 8
  CHECK(latency(CollectiveKind::all_gather, 8) ==
        Approx(10e-6 + 7 * 1.5e-6));  // a ring inside a node
  CHECK(latency(CollectiveKind::all_gather, 64) ==
        Approx(10e-6 + 56 * 1.5e-6 + 7 * 3.5e-6));                                // 8 nodes: a ring
  CHECK(latency(CollectiveKind::all_reduce, 64) == Approx(10e-6 + 12 * 3.5e-6));  // a tree
  std::vector<int> one_per_node;
  for (int node = 0; node < 8; ++node) one_per_node.push_back(8 * node);
  CHECK(ring(CollectiveKind::all_gather, fabric, pod, one_per_node, 1e6).latency_s ==
        Approx(10e-6 + 3 * 3.5e-6));  // PAT
}

TEST_CASE("what a folded group puts on its member's ports is what the whole group would") {
  const Pod pod = plain_pod(64);
  const Fabric fabric = fabric_of(pod);
  for (const CollectiveKind kind :
       {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather})
    for (const SpreadGroup group :
         {SpreadGroup{64, 1}, SpreadGroup{8, 1}, SpreadGroup{8, 8}, SpreadGroup{16, 4}}) {
      std::vector<int> members;
      for (int i = 0; i < group.size; ++i) members.push_back(i * group.stride);
      const Transfer whole = ring(kind, fabric, pod, members, 1e9);
      const Transfer part = folded(kind, pod, group, 1e9);
      INFO("size " << group.size << " stride " << group.stride);
      for (const Port port : {Port::nvlink, Port::nic}) {
        double expected = 0, out = 0, in = 0;
        for (const Flow& flow : whole.flows)
          if (flow.source == endpoint(0, port)) expected += flow.bytes;
        for (const Flow& flow : part.flows) {
          if (flow.source == endpoint(0, port)) out += flow.bytes;
          if (flow.target == endpoint(0, port)) in += flow.bytes;
        }
        CHECK(out == Approx(expected));
        CHECK(in == Approx(expected));
      }
      CHECK(part.latency_s == Approx(whole.latency_s));
    }
}

TEST_CASE("messages go over NVLink inside a node and over NICs between nodes") {
  Pod pod = plain_pod(16);
  pod.nvlink_latency_s = 1e-6;
  pod.nic_latency_s = 3e-6;
  pod.message_startup_s = 2e-6;
  const Fabric fabric = fabric_of(pod);
  const Transfer inside = point_to_point(fabric, pod, 0, 1, 2, 1e6),
                 outside = point_to_point(fabric, pod, 0, 1, 9, 1e6);
  CHECK(inside.flows[0].source == endpoint(1, Port::nvlink));
  CHECK(inside.latency_s == Approx(3e-6));
  CHECK(outside.flows[0].target == endpoint(9, Port::nic));
  CHECK(outside.latency_s == Approx(5e-6));
  // Relative to a first rank: rank 1 of a block that begins at 8 is rank 9.
  CHECK(point_to_point(fabric, pod, 8, 1, -7, 1e6).flows[0].source == endpoint(1, Port::nic));
  const Transfer shift = ring_shift({fabric, pod, 0, range(4, 12)}, 1e6);
  CHECK(shift.flows.size() == 8);
  CHECK(shift.latency_s == Approx(5e-6));
}
