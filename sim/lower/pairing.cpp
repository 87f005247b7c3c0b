#include "lower/pairing.hpp"

#include <algorithm>

namespace moesim {

namespace {
// Totals are sums of doubles in different orders; a remainder below this is rounding, not traffic.
constexpr double kRoundingBytes = 1e-2;
}  // namespace

void pair_north_west(Port port, std::span<const int> senders, std::span<double> out, std::span<const int> receivers,
                     std::span<double> in, std::vector<Flow>& flows) {
  const Port far = port == Port::nvlink ? Port::far_nvlink : Port::far_nic;
  for (size_t i = 0, j = 0; i < senders.size() && j < receivers.size();) {
    const double bytes = std::min(out[i], in[j]);
    if (bytes > kRoundingBytes) {
      const int from = senders[i], to = receivers[j];
      if (from != to) {
        flows.push_back({endpoint(from, port), endpoint(to, port), bytes});
      } else {
        flows.push_back({endpoint(from, port), endpoint(from, far), bytes});
        flows.push_back({endpoint(to, far), endpoint(to, port), bytes});
      }
    }
    out[i] -= bytes;
    in[j] -= bytes;
    if (out[i] <= kRoundingBytes)
      ++i;
    else
      ++j;
  }
}

}  // namespace moesim
