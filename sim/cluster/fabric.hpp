// The links between simulated ranks, and which of them a transfer uses. Built from a Pod and the
// places of the ranks; the engine makes SimGrid links of it, the reference executor and the bounds
// read it as it is.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cluster/faults.hpp"
#include "cluster/pod.hpp"

namespace moesim {

// The row number in kLinkClasses.
enum class LinkClass : uint8_t { nvlink, nic, leaf, io, swarmx, memoryx };
struct LinkClassNames {
  const char* kind;   // in reports' lists of resources
  const char* title;  // as a reader would call it
};
inline constexpr auto kLinkClasses = std::to_array<LinkClassNames>({
    {"nvlink", "nvlink"},
    {"nic", "nic"},
    {"leaf", "leaf uplink"},
    {"wafer_io", "wafer I/O"},
    {"swarmx", "swarmx"},
    {"memoryx", "memoryx"},
});
constexpr const LinkClassNames& names(LinkClass link_class) {
  return kLinkClasses[static_cast<size_t>(link_class)];
}

struct Link {
  std::string name;
  double bytes_per_s = 0;
  LinkClass link_class = LinkClass::nic;
};

// Link ids that a flow occupies, in order.
struct Route {
  std::array<int32_t, 4> links{};
  int count = 0;
  // A view of this route: a temporary has none, since a range-for would read it after its end.
  std::span<const int32_t> span() const& { return {links.data(), static_cast<size_t>(count)}; }
  std::span<const int32_t> span() const&& = delete;
};

struct RankPlace {
  int global_rank = 0;
  int node = 0;
  int gpu = 0;    // within the node; also the rail
  int leaf = -1;  // leaf switch; -1 when the fabric is non-blocking and no leaf link is modelled
  int32_t nvlink_out = 0, nvlink_in = 0, nic_out = 0, nic_in = 0;  // link ids; -1: none
  std::string name;  // for reports; empty: by node and gpu
  int zone = -1;     // of Fabric::zones
};

// Endpoints are numbered as in graph/task.hpp: rank * 5 + {nvlink, nic, far nvlink, far nic, far
// beyond the spine}.
struct Fabric {
  std::vector<Link> links;
  std::vector<RankPlace> ranks;
  std::vector<int32_t> leaf_up, leaf_down;  // link ids per leaf; empty when non-blocking
  // Where each pair of a node's devices has a link of its own: its id by rank and the other's place
  // in the node (rank * gpus_per_node + gpu), -1 where the other is not simulated. Empty: a switch.
  std::vector<int32_t> pair_links;
  int gpus_per_node = 1;
  std::vector<std::string> zones;  // of wafer systems (wafer/fabric.hpp)
  double nvlink_latency_s = 0, nic_latency_s = 0, spine_latency_s = 0;
  int nodes_per_leaf = 1;

  Route route(int32_t source_endpoint, int32_t target_endpoint) const;
  bool mesh() const { return !pair_links.empty(); }
  // Returns the link that joins two ranks of a node directly, -1 where a switch does.
  int32_t pair_link(int from, int to) const {
    if (!mesh() || from == to || !same_node(from, to)) return -1;
    return pair_links[static_cast<size_t>(from) * gpus_per_node + ranks[to].gpu];
  }
  bool same_node(int a, int b) const { return ranks[a].node == ranks[b].node; }
  double latency_s(int a, int b) const;
};

// `global_ranks[i]`: the device that simulated rank i stands for. When only some of the ranks under
// a leaf switch are simulated, its uplink is scaled by their share, which is exact while the folded
// ranks do the same at the same time. A rank whose NIC is dead has the links of the next simulated
// one of its node whose NIC works; if there is none, its own at half the bandwidth, as if shared
// with a device that is not simulated.
Fabric build_fabric(const Pod& pod, std::span<const int> global_ranks,
                    const FaultSpec& faults = {});

}  // namespace moesim
