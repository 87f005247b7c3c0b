// The fabric as SimGrid hosts, links and zones. A star zone per leaf switch inside one star for the
// pod; every endpoint is a host whose private up and down links are its port. Link latencies are
// zero: SimGrid weighs shares by latency, so latency is paid by timers before a flow starts
// (docs/decisions/0002).
#pragma once

#include <vector>

#include "cluster/fabric.hpp"
#include "engine/simgrid_compat.hpp"

namespace moesim {

struct SimgridPlatform {
  std::vector<simgrid_api::s4u::Host*>
      endpoints;  // by endpoint number; NVLink endpoints double as the device's core
  // Both ends of each link that joins a pair directly, by link id; others have none.
  std::vector<std::pair<simgrid_api::s4u::Host*, simgrid_api::s4u::Host*>> pairs;
  simgrid_api::NetworkModel* network = nullptr;
};

// Sets the network model to nominal bandwidths with max-min sharing (must come before any zone) and
// builds the zones.
SimgridPlatform build_platform(simgrid_api::s4u::Engine& engine, const Fabric& fabric);

}  // namespace moesim
