#include "engine/link_load.hpp"

#include "catch.hpp"
#include "fixtures/draft.hpp"

using namespace moesim;

TEST_CASE("bytes are summed per link, NVLink and NIC apart, and scratch is left clean") {
  const Fabric fabric = fabric_of(plain_pod(16));
  LinkLoads loads(fabric);
  const std::vector<Flow> flows = {{endpoint(0, Port::nic), endpoint(8, Port::nic), 100},
                                   {endpoint(0, Port::nic), endpoint(9, Port::nic), 50},
                                   {endpoint(0, Port::nvlink), endpoint(1, Port::nvlink), 7},
                                   {endpoint(0, Port::nic), endpoint(10, Port::nic), 0}};
  for (int again = 0; again < 2; ++again) {
    std::vector<LinkLoad> nic, nvlink;
    loads.collect(flows, 0, false, nic);
    loads.collect(flows, 0, true, nvlink);
    REQUIRE(nic.size() == 3);
    CHECK(nic[0].link == fabric.ranks[0].nic_out);
    CHECK(nic[0].bytes == 150);
    REQUIRE(nvlink.size() == 2);
    CHECK(nvlink[1].link == fabric.ranks[1].nvlink_in);
    CHECK(busiest_s(fabric, nic) == Approx(150 / 50e9));
  }
}

TEST_CASE("flows are relative to the block's first rank, and may start before it") {
  const Fabric fabric = fabric_of(plain_pod(16));
  LinkLoads loads(fabric);
  std::vector<LinkLoad> out;
  loads.collect(std::vector<Flow>{{endpoint(-8, Port::nic), endpoint(0, Port::nic), 10}}, 8, false,
                out);
  REQUIRE(out.size() == 2);
  CHECK(out[0].link == fabric.ranks[0].nic_out);
  CHECK(out[1].link == fabric.ranks[8].nic_in);
  CHECK(on_nvlink({endpoint(-3, Port::nvlink), 0, 1}));
  CHECK_FALSE(on_nvlink({endpoint(-3, Port::nic), 0, 1}));
  CHECK(on_nvlink({endpoint(2, Port::far_nvlink), 0, 1}));
}

TEST_CASE("nothing to move takes no time") { CHECK(busiest_s(fabric_of(plain_pod(8)), {}) == 0); }
