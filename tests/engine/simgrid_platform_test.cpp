// Routes as SimGrid takes them against routes as the fabric describes them: one flow at a time, and
// all at once.
#include "catch.hpp"
#include "engine/link_load.hpp"
#include "fixtures/draft.hpp"

using namespace moesim;

namespace {

struct Place {
  std::string name;
  Pod pod;
  int simulated = 0;  // the first so many ranks
};

std::vector<Place> places() {
  std::vector<Place> all;
  for (const int nodes_per_leaf : {1, 2, 4})
    for (const double oversubscription : {1.0, 2.0})
      for (const int simulated : {1, 4, 16}) {
        Place one{fmt::format("{} nodes per leaf, {}:1, {} of 16 ranks", nodes_per_leaf,
                              oversubscription, simulated),
                  plain_pod(16), simulated};
        one.pod.gpus_per_node = 4;
        one.pod.nodes_per_leaf = nodes_per_leaf;
        one.pod.oversubscription = oversubscription;
        all.push_back(one);
      }
  return all;
}

using MakeFlows = std::function<std::vector<Flow>(int ranks)>;

// All flows in one transfer: on plain flows they end when the busiest link has moved its bytes.
void check_links(const MakeFlows& make) {
  const auto all = places();
  std::vector<std::function<std::vector<double>()>> works;
  for (const Place& place : all)
    works.push_back([&] {
      const Fabric fabric = build_fabric(place.pod, range(0, place.simulated));
      Draft draft(static_cast<uint32_t>(place.simulated));
      Transfer transfer;
      transfer.flows = make(place.simulated);
      draft.transfer(transfer);
      return std::vector{run_simgrid(draft.one_block(), fabric, true).makespan_s};
    });
  const auto numbers = numbers_in_children(works);
  for (size_t i = 0; i < all.size(); ++i) {
    INFO(all[i].name);
    CHECK(numbers[i].error == "");
    const Fabric fabric = build_fabric(all[i].pod, range(0, all[i].simulated));
    LinkLoads loads(fabric);
    std::vector<LinkLoad> out;
    const auto flows = make(all[i].simulated);
    loads.collect(flows, 0, true, out);
    loads.collect(flows, 0, false, out);
    CHECK(numbers[i].at(0) == Approx(busiest_s(fabric, out)).epsilon(1e-6));
  }
}

}  // namespace

TEST_CASE("to and from folded replicas, in the node, by NIC, and beyond the spine") {
  const auto [near, far] =
      GENERATE(std::pair{Port::nvlink, Port::far_nvlink}, std::pair{Port::nic, Port::far_nic},
               std::pair{Port::nic, Port::far_spine});
  check_links([near = near, far = far](int ranks) {
    std::vector<Flow> flows;
    for (int i = 0; i < ranks; ++i) {
      flows.push_back({endpoint(i, near), endpoint(i, far), 50e6});
      flows.push_back({endpoint(i, far), endpoint(i, near), 50e6});
    }
    return flows;
  });
}

TEST_CASE("every NIC to the next node, and to the same rail two nodes on") {
  for (const int nodes : {1, 2})
    check_links([nodes](int ranks) {
      std::vector<Flow> flows{{endpoint(0, Port::nvlink), endpoint(0, Port::far_nvlink), 1e6}};
      for (int i = 0; i < ranks && ranks > 4; ++i)
        flows.push_back(
            {endpoint(i, Port::nic), endpoint((i + 4 * nodes) % ranks, Port::nic), 50e6});
      return flows;
    });
}

TEST_CASE("across rails") {
  check_links([](int ranks) {
    std::vector<Flow> flows{{endpoint(0, Port::nvlink), endpoint(0, Port::far_nvlink), 1e6}};
    for (int i = 0; i < ranks && ranks > 4; ++i)
      flows.push_back({endpoint(i, Port::nic), endpoint((i + 5) % ranks, Port::nic), 50e6});
    return flows;
  });
}
