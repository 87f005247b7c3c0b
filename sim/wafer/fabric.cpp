#include "wafer/fabric.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

namespace {

// Ports of a place, as graph/task.hpp numbers them.
constexpr int kPortsPerPlace = 5, kNic = 1, kFarNic = 3;

class Builder {
 public:
  Builder(const WaferSystem& system, int simulated) : system_(system) {
    out_.wafers = simulated;
    out_.fabric.zones = {"wafers", "memoryx", "swarmx"};
  }

  WaferFabric build() {
    const double io = system_.wafer.io_bytes_per_s;
    for (int wafer = 0; wafer < out_.wafers; ++wafer)
      add(fmt::format("wafer{}", wafer), 0, io, io, LinkClass::io, {".io.in", ".io.out"});
    add("memoryx", 1, system_.memoryx.ingress_bytes_per_s, system_.memoryx.egress_bytes_per_s,
        LinkClass::memoryx, {".in", ".out"});
    add_tree();
    const int places = static_cast<int>(out_.fabric.ranks.size());
    for (int place = 0; place < places; ++place) {
      const int base = place * kPortsPerPlace;
      const bool source =
          place == out_.wafers;  // weights leave MemoryX and enter everything below it
      (source ? out_.up : out_.down).push_back({base + kFarNic, base + kNic});
      (source ? out_.down : out_.up).push_back({base + kNic, base + kFarNic});
    }
    return std::move(out_);
  }

 private:
  struct Names {
    const char *in, *out;
  };

  int32_t link(const std::string& name, double bytes_per_s, LinkClass link_class) {
    out_.fabric.links.push_back({name, bytes_per_s, link_class});
    return static_cast<int32_t>(out_.fabric.links.size() - 1);
  }

  void add(const std::string& name, int zone, double in, double out, LinkClass link_class,
           Names names) {
    RankPlace place;
    place.global_rank = static_cast<int>(out_.fabric.ranks.size());
    place.name = name;
    place.zone = zone;
    place.nvlink_in = place.nvlink_out = -1;
    place.nic_in = link(name + names.in, in, link_class);
    place.nic_out = link(name + names.out, out, link_class);
    out_.fabric.ranks.push_back(place);
  }

  // Nodes of level 0 (the root) to the last, each with the wafers or nodes below it in order.
  void add_tree() {
    const SwarmX& swarmx = system_.swarmx;
    int64_t below = swarmx.fan_out;  // wafers under one node of the last level
    for (out_.levels = 1; below < system_.systems; below *= swarmx.fan_out) ++out_.levels;
    for (int level = 0; level < out_.levels; ++level, below /= swarmx.fan_out) {
      const auto given = static_cast<int>(swarmx.level_bytes_per_s.size());
      const double bytes_per_s = swarmx.level_bytes_per_s[std::min(level, given - 1)];
      const int64_t nodes = (out_.wafers + below - 1) / below;
      for (int64_t node = 0; node < nodes; ++node)
        add(level == 0 ? "swarmx" : fmt::format("swarmx.{}.{}", level, node), 2, bytes_per_s,
            bytes_per_s, LinkClass::swarmx, {".down", ".up"});
    }
  }

  const WaferSystem& system_;
  WaferFabric out_;
};

}  // namespace

WaferFabric build_wafer_fabric(const WaferSystem& system, int simulated) {
  return Builder(system, simulated).build();
}

}  // namespace moesim
