#include "wafer/fabric.hpp"

#include <map>
#include <numeric>

#include "catch.hpp"

using namespace moesim;

namespace {

WaferSystem system_of(int systems) {
  WaferSystem system;
  system.systems = systems;
  system.wafer.io_bytes_per_s = 150e9;
  system.memoryx.egress_bytes_per_s = 160e9;
  system.memoryx.ingress_bytes_per_s = 170e9;
  system.swarmx.level_bytes_per_s = {100e9, 200e9};
  system.swarmx.fan_out = 4;
  return system;
}

WaferFabric fabric_of(int systems, int simulated) {
  std::vector<int> wafers(static_cast<size_t>(simulated));
  std::iota(wafers.begin(), wafers.end(), 0);
  return build_wafer_fabric(system_of(systems), wafers);
}

// How often the hops cross each link.
std::map<std::string, int> crossings(const WaferFabric& built, const std::vector<Hop>& hops) {
  std::map<std::string, int> count;
  for (const Hop& hop : hops) {
    const Route route = built.fabric.route(hop.source, hop.target);
    for (const int32_t link : route.span()) ++count[built.fabric.links[link].name];
  }
  return count;
}

}  // namespace

TEST_CASE("a broadcast crosses every link down once, a reduction every link up") {
  for (const int systems : {1, 4, 5, 16, 17, 64}) {
    const WaferFabric built = fabric_of(systems, systems);
    const auto down = crossings(built, built.down), up = crossings(built, built.up);
    INFO(systems);
    CHECK(down.size() + up.size() == built.fabric.links.size());
    for (const auto& [name, count] : down) {
      CHECK(count == 1);
      CHECK((name == "memoryx.out" || name.ends_with(".in") || name.ends_with(".down")));
    }
    for (const auto& [name, count] : up) {
      CHECK(count == 1);
      CHECK((name == "memoryx.in" || name.ends_with(".out") || name.ends_with(".up")));
    }
    CHECK(down.contains("wafer" + std::to_string(systems - 1) + ".io.in"));
  }
}

TEST_CASE("levels of the tree grow with the wafers, and have their bandwidths") {
  CHECK(fabric_of(4, 4).levels == 1);
  CHECK(fabric_of(5, 5).levels == 2);
  CHECK(fabric_of(16, 16).levels == 2);
  CHECK(fabric_of(17, 17).levels == 3);
  const WaferFabric built = fabric_of(64, 64);
  int nodes = 0;
  for (const Link& link : built.fabric.links) {
    if (link.link_class != LinkClass::swarmx) continue;
    ++nodes;
    const bool root = link.name == "swarmx.down" || link.name == "swarmx.up";
    CHECK(link.bytes_per_s == (root ? 100e9 : 200e9));  // the last bandwidth goes on
  }
  CHECK(nodes == 2 * (1 + 4 + 16));
}

TEST_CASE("of folded wafers only the way to those simulated is there") {
  const WaferFabric built = fabric_of(64, 1);
  CHECK(built.levels == 3);
  CHECK(built.fabric.ranks.size() == 1 + 1 + 3);
  CHECK(built.fabric.ranks[built.memoryx_rank()].name == "memoryx");
  CHECK(built.fabric.ranks[built.swarmx_rank()].name == "swarmx");
  CHECK(crossings(built, built.down).size() == 1 + 3 + 1);
}

TEST_CASE(
    "faulty links have what is left of their bandwidth, and only the way to the chosen is there") {
  FaultSpec faults;
  faults.links = {{{.rank = 9}, 0.5}};
  faults.swarmx = {{1, 2, 0.25}, {0, 0, 0.5}};
  const std::vector<int> chosen{3, 9};
  const WaferFabric built = build_wafer_fabric(system_of(16), chosen, faults);
  std::map<std::string, double> links;
  for (const Link& link : built.fabric.links) links[link.name] = link.bytes_per_s;
  CHECK(links.size() == 2 * (2 + 1 + 3));
  CHECK(links["wafer3.io.in"] == 150e9);
  CHECK(links["wafer9.io.out"] == 75e9);
  CHECK(links["swarmx.down"] == 50e9);
  CHECK(links["swarmx.1.0.up"] == 200e9);
  CHECK(links["swarmx.1.2.up"] == 50e9);
}
