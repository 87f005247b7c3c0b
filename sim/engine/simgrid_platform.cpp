#include "engine/simgrid_platform.hpp"

#include "graph/task.hpp"

namespace moesim {

using namespace simgrid_api;

namespace {

// Far endpoints stand for many devices: their own port must never bind.
constexpr double kUnlimitedBytesPerS = 1e18;

class PlatformBuilder {
 public:
  PlatformBuilder(s4u::Engine& engine, const Fabric& fabric)
      : engine_(engine), fabric_(fabric), links_(fabric.links.size(), nullptr) {
    root_ = add_star_zone(engine, nullptr, "pod");
    for (size_t leaf = 0; leaf < fabric.leaf_up.size(); ++leaf)
      leaves_.push_back(add_zone("leaf" + std::to_string(leaf),
                                 {s4u::LinkInRoute(fabric_link(root_, fabric_.leaf_up[leaf]))},
                                 {s4u::LinkInRoute(fabric_link(root_, fabric_.leaf_down[leaf]))}));
    // SimGrid finds no way from a host inside a zone to a host beside that zone: what is behind the
    // spine is a zone too.
    beyond_spine_ = leaves_.empty() ? root_ : add_zone("beyond", {}, {});
    for (const std::string& name : fabric.zones) zones_.push_back(add_zone(name, {}, {}));
  }

  SimgridPlatform build() {
    for (size_t rank = 0; rank < fabric_.ranks.size(); ++rank) {
      const RankPlace& place = fabric_.ranks[rank];
      s4u::NetZone* zone = place.zone < 0 ? root_ : zones_[place.zone];
      s4u::NetZone* leaf = leaves_.empty() ? zone : leaves_[place.leaf];
      const auto name = "r" + std::to_string(rank);
      add_endpoint(zone, name + ".nvlink", place.nvlink_out, place.nvlink_in);
      add_endpoint(leaf, name + ".nic", place.nic_out, place.nic_in);
      add_endpoint(zone, name + ".far_nvlink", -1, -1);
      add_endpoint(leaf, name + ".far_nic", -1, -1);
      add_endpoint(beyond_spine_, name + ".far_spine", -1, -1);
    }
    add_pairs();
    for (s4u::NetZone* leaf : leaves_) leaf->seal();
    for (s4u::NetZone* zone : zones_) zone->seal();
    if (beyond_spine_ != root_) beyond_spine_->seal();
    root_->seal();
    platform_.network = &network_model(engine_);
    return std::move(platform_);
  }

 private:
  // Ranks whose NIC is dead share a neighbour's.
  s4u::Link* fabric_link(s4u::NetZone* zone, int32_t id) {
    s4u::Link*& link = links_[static_cast<size_t>(id)];
    if (link == nullptr)
      link = add_link(zone, fabric_.links[id].name, fabric_.links[id].bytes_per_s)
                 ->set_latency(0)
                 ->seal();
    return link;
  }

  // A star inside the pod's star, with the links that lead out of it and into it.
  s4u::NetZone* add_zone(const std::string& name, const std::vector<s4u::LinkInRoute>& out,
                         const std::vector<s4u::LinkInRoute>& in) {
    auto* zone = add_star_zone(engine_, root_, name);
    // A star zone needs a gateway host for routes that leave it.
    auto* gateway = add_host(zone, name + ".switch", 1);
    for (const bool up : {true, false}) add_star_route(zone, gateway, up, {});
    add_star_route(root_, zone, gateway, true, out);
    add_star_route(root_, zone, gateway, false, in);
    return zone;
  }

  // A star zone has one way into and out of a host, so that a link between a pair has hosts of its
  // own at both ends.
  void add_pairs() {
    platform_.pairs.resize(fabric_.links.size());
    for (const int32_t link : fabric_.pair_links) {
      if (link < 0) continue;
      const std::string& name = fabric_.links[link].name;
      platform_.pairs[link] = {add_port(root_, name + ".from", link, -1),
                               add_port(root_, name + ".to", -1, -1)};
    }
  }

  void add_endpoint(s4u::NetZone* zone, const std::string& name, int32_t out, int32_t in) {
    platform_.endpoints.push_back(add_port(zone, name, out, in));
  }

  s4u::Host* add_port(s4u::NetZone* zone, const std::string& name, int32_t out, int32_t in) {
    auto* host = add_host(zone, name, 1);  // speed 1: amounts of Execs are seconds
    auto* own = out < 0 || in < 0
                    ? add_link(zone, name, kUnlimitedBytesPerS)->set_latency(0)->seal()
                    : nullptr;
    add_star_route(zone, host, true, {s4u::LinkInRoute(out < 0 ? own : fabric_link(zone, out))});
    add_star_route(zone, host, false, {s4u::LinkInRoute(in < 0 ? own : fabric_link(zone, in))});
    return host;
  }

  s4u::Engine& engine_;
  const Fabric& fabric_;
  s4u::NetZone* root_ = nullptr;
  s4u::NetZone* beyond_spine_ = nullptr;
  std::vector<s4u::NetZone*> leaves_;
  std::vector<s4u::Link*> links_;     // by id in the fabric
  std::vector<s4u::NetZone*> zones_;  // of Fabric::zones
  SimgridPlatform platform_;
};

}  // namespace

SimgridPlatform build_platform(s4u::Engine& engine, const Fabric& fabric) {
  s4u::Engine::set_config("network/model:CM02");
  s4u::Engine::set_config("network/crosstraffic:0");
  s4u::Engine::set_config("network/TCP-gamma:1e30");
  return PlatformBuilder(engine, fabric).build();
}

}  // namespace moesim
