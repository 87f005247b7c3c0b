#include "lower/pairing.hpp"

#include <algorithm>

namespace moesim {

namespace {

// Totals are sums of doubles in different orders; a remainder below this is rounding, not traffic.
constexpr double kRoundingBytes = 1e-2;

void add_to_pair(int32_t source, int32_t target, double bytes, size_t first,
                 std::vector<Flow>& flows) {
  for (size_t i = first; i < flows.size(); ++i)
    if (flows[i].source == source && flows[i].target == target) {
      flows[i].bytes += bytes;
      return;
    }
  flows.push_back({source, target, bytes});
}

// `bytes` that a rank owes itself change places with a flow between two others: a -> b becomes a ->
// rank and rank -> b, which leaves every port's total as it is. Gives what is left when there are
// no such flows.
double exchange(Port port, int rank, double bytes, size_t first, std::vector<Flow>& flows) {
  const int32_t own = endpoint(rank, port);
  for (size_t i = first, count = flows.size(); i < count && bytes > 0; ++i) {
    if (flows[i].source == own || flows[i].target == own) continue;
    const Flow other = flows[i];
    const double moved = std::min(bytes, other.bytes);
    flows[i].bytes -= moved;
    add_to_pair(own, other.target, moved, first, flows);
    add_to_pair(other.source, own, moved, first, flows);
    bytes -= moved;
  }
  std::erase_if(flows, [](const Flow& flow) { return flow.bytes <= kRoundingBytes; });
  return bytes;
}

}  // namespace

void pair_north_west(Port port, std::span<const int> senders, std::span<double> out,
                     std::span<const int> receivers, std::span<double> in,
                     std::vector<Flow>& flows) {
  const size_t first = flows.size();
  std::vector<std::pair<int, double>> to_itself;
  for (size_t i = 0, j = 0; i < senders.size() && j < receivers.size();) {
    const double bytes = std::min(out[i], in[j]);
    if (bytes > kRoundingBytes) {
      if (senders[i] == receivers[j])
        to_itself.emplace_back(senders[i], bytes);
      else
        flows.push_back({endpoint(senders[i], port), endpoint(receivers[j], port), bytes});
    }
    out[i] -= bytes;
    in[j] -= bytes;
    if (out[i] <= kRoundingBytes)
      ++i;
    else
      ++j;
  }
  // Two such ranks serve each other; at most one is left for exchanges with other flows.
  for (size_t i = 0; i + 1 < to_itself.size(); ++i) {
    auto &one = to_itself[i], &other = to_itself[i + 1];
    const double both = std::min(one.second, other.second);
    add_to_pair(endpoint(one.first, port), endpoint(other.first, port), both, first, flows);
    add_to_pair(endpoint(other.first, port), endpoint(one.first, port), both, first, flows);
    one.second -= both;
    other.second -= both;
    if (one.second > other.second) std::swap(one, other);
  }
  if (to_itself.empty()) return;
  const auto& [rank, bytes] = to_itself.back();
  const double left = exchange(port, rank, bytes, first, flows);
  if (left <= kRoundingBytes) return;
  const Port far = port == Port::nvlink ? Port::far_nvlink : Port::far_nic;
  flows.push_back({endpoint(rank, port), endpoint(rank, far), left});
  flows.push_back({endpoint(rank, far), endpoint(rank, port), left});
}

}  // namespace moesim
