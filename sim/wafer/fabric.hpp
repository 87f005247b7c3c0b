// MemoryX, the SwarmX tree and the wafers' own I/O as links, and what a broadcast or a reduction
// puts on them: one copy on each link, however many wafers are below it. Only the simulated wafers
// and the tree nodes above them are there; the others would carry the same bytes at the same time.
#pragma once

#include <span>
#include <vector>

#include "cluster/fabric.hpp"
#include "cluster/faults.hpp"
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

// `simulated`: wafers of the system, rising. Faulty links have the part of their bandwidth that is
// left; what faults take from MemoryX is in the system already (with_faults).
WaferFabric build_wafer_fabric(const WaferSystem& system, std::span<const int> simulated,
                               const FaultSpec& faults = {});

}  // namespace moesim
