#include "engine/link_load.hpp"

#include <algorithm>

namespace moesim {

bool on_nvlink(const Flow& flow) {
  const int32_t port =
      ((flow.source % kPorts) + kPorts) % kPorts;  // template endpoints may be negative
  return port == static_cast<int>(Port::nvlink) || port == static_cast<int>(Port::far_nvlink);
}

void LinkLoads::collect(std::span<const Flow> flows, uint32_t first_rank, bool nvlink,
                        std::vector<LinkLoad>& out) {
  const size_t begin = out.size();
  const int32_t shift = static_cast<int32_t>(first_rank) * kPorts;
  for (const Flow& flow : flows) {
    if (on_nvlink(flow) != nvlink || flow.bytes <= 0) continue;
    const Route route = fabric_.route(flow.source + shift, flow.target + shift);
    for (int32_t link : route.span()) {
      if (bytes_[link] == 0) out.push_back({link, 0});
      bytes_[link] += flow.bytes;
    }
  }
  for (size_t i = begin; i < out.size(); ++i) {
    out[i].bytes = bytes_[out[i].link];
    bytes_[out[i].link] = 0;
  }
}

double busiest_s(const Fabric& fabric, std::span<const LinkLoad> loads) {
  double seconds = 0;
  for (const LinkLoad& load : loads)
    seconds = std::max(seconds, load.bytes / fabric.links[load.link].bytes_per_s);
  return seconds;
}

}  // namespace moesim
