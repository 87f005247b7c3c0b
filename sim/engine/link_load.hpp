// Sums the bytes that a set of flows puts on each link, without touching links that it does not
// use.
#pragma once

#include <span>
#include <vector>

#include "cluster/fabric.hpp"
#include "graph/task.hpp"

namespace moesim {

struct LinkLoad {
  int32_t link = 0;
  double bytes = 0;
};

class LinkLoads {
 public:
  explicit LinkLoads(const Fabric& fabric) : fabric_(fabric), bytes_(fabric.links.size(), 0.0) {}

  // Loads of the flows whose source is on an NVLink port (`nvlink` true) or on a NIC. Appends to
  // `out`.
  void collect(std::span<const Flow> flows, uint32_t first_rank, bool nvlink,
               std::vector<LinkLoad>& out);

 private:
  const Fabric& fabric_;
  std::vector<double> bytes_;  // scratch, all zero between calls
};

bool on_nvlink(const Flow& flow);
// Seconds until the busiest of these links has moved its bytes.
double busiest_s(const Fabric& fabric, std::span<const LinkLoad> loads);

}  // namespace moesim
