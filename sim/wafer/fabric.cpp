#include "wafer/fabric.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "wafer/faulty_wafers.hpp"

namespace moesim {

namespace {

// Ports of a place, as graph/task.hpp numbers them.
constexpr int kPortsPerPlace = 5, kNic = 1, kFarNic = 3;

class Builder {
 public:
  Builder(const WaferSystem& system, std::span<const int> simulated, const FaultSpec& faults)
      : system_(system), simulated_(simulated), faults_(faults) {
    out_.wafers = static_cast<int>(simulated.size());
    out_.fabric.zones = {"wafers", "memoryx", "swarmx"};
  }

  WaferFabric build() {
    for (const int wafer : simulated_) {
      const double io = system_.wafer.io_bytes_per_s * link_health(faults_, 1, wafer).nic;
      add(fmt::format("wafer{}", wafer), 0, io, io, LinkClass::io, {".io.in", ".io.out"});
    }
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

  double branch_bytes_per_s(int level, int64_t node) const {
    const std::vector<double>& given = system_.swarmx.level_bytes_per_s;
    double bytes_per_s = given[std::min(level, static_cast<int>(given.size()) - 1)];
    for (const BranchFault& fault : faults_.swarmx)
      if (fault.level == level && fault.node == node) bytes_per_s *= fault.bandwidth;
    return bytes_per_s;
  }

  // Nodes of level 0 (the root) to the last that have simulated wafers below them, in order.
  void add_tree() {
    out_.levels = swarmx_levels(system_);
    for (int level = 0; level < out_.levels; ++level) {
      const int64_t below = wafers_below(system_, level);
      int64_t last = -1;
      for (const int wafer : simulated_) {
        const int64_t node = wafer / below;
        if (node == last) continue;
        last = node;
        const double bytes_per_s = branch_bytes_per_s(level, node);
        add(level == 0 ? "swarmx" : fmt::format("swarmx.{}.{}", level, node), 2, bytes_per_s,
            bytes_per_s, LinkClass::swarmx, {".down", ".up"});
      }
    }
  }

  const WaferSystem& system_;
  std::span<const int> simulated_;
  const FaultSpec& faults_;
  WaferFabric out_;
};

}  // namespace

WaferFabric build_wafer_fabric(const WaferSystem& system, std::span<const int> simulated,
                               const FaultSpec& faults) {
  return Builder(system, simulated, faults).build();
}

}  // namespace moesim
