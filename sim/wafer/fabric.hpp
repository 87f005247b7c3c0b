// MemoryX, the SwarmX tree and the wafers' own I/O as links, and what a broadcast or a reduction
// puts on them: one copy on each link, however many wafers are below it. Only the simulated wafers
// and the tree nodes above them are there; the others would carry the same bytes at the same time.
#pragma once

#include <vector>

#include "cluster/fabric.hpp"
#include "wafer/system.hpp"

namespace moesim {

// Links between two of a route's places, each crossed by every byte: flows from `source` to
// `target` endpoint.
struct Hop {
  int32_t source = 0, target = 0;
};

struct WaferFabric {
  Fabric fabric;  // places: the simulated wafers, then MemoryX, then the tree's nodes, root first
  int wafers = 0;
  int levels = 0;  // tree nodes between MemoryX and a wafer
  std::vector<Hop> down, up;
  uint32_t memoryx_rank() const { return static_cast<uint32_t>(wafers); }
  uint32_t swarmx_rank() const { return static_cast<uint32_t>(wafers) + 1; }
};

// `simulated`: wafers 0 to simulated - 1 of system.systems.
WaferFabric build_wafer_fabric(const WaferSystem& system, int simulated);

}  // namespace moesim
