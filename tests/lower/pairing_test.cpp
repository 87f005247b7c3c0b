#include "lower/pairing.hpp"

#include <map>

#include "base/random.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

std::map<int32_t, double> totals(const std::vector<Flow>& flows, int32_t Flow::*end) {
  std::map<int32_t, double> sums;
  for (const Flow& flow : flows) sums[flow.*end] += flow.bytes;
  return sums;
}

std::vector<Flow> pair(std::vector<int> senders, std::vector<double> out,
                       std::vector<int> receivers, std::vector<double> in) {
  std::vector<Flow> flows;
  pair_north_west(Port::nic, senders, out, receivers, in, flows);
  return flows;
}

}  // namespace

TEST_CASE("equal totals pair neighbours") {
  const auto flows = pair({0, 1, 2}, {5, 5, 5}, {1, 2, 0}, {5, 5, 5});
  REQUIRE(flows.size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(flows[i].source == endpoint(i, Port::nic));
    CHECK(flows[i].target == endpoint((i + 1) % 3, Port::nic));
    CHECK(flows[i].bytes == 5);
  }
}

TEST_CASE("every port keeps its totals, nobody sends to itself, and flows are few") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed, {});
    const int n = 2 + static_cast<int>(30 * random.uniform());
    std::vector<int> senders(n), receivers(n);
    std::vector<double> out(n, 0.0), in(n, 0.0);
    // Totals of a matrix with an empty diagonal, some entries far larger than others.
    for (int i = 0; i < n; ++i) {
      senders[i] = i;
      receivers[i] = (i + 1) % n;
    }
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) {
        if (i == j) continue;
        const double bytes = 1000 * std::exp(2 * random.normal());
        out[i] += bytes;
        in[(j + n - 1) % n] += bytes;
      }
    const auto flows = pair(senders, out, receivers, in);
    const auto sent = totals(flows, &Flow::source), received = totals(flows, &Flow::target);
    INFO("seed " << seed << ", " << n << " ranks");
    for (int i = 0; i < n; ++i) {
      CHECK(sent.at(endpoint(i, Port::nic)) == Approx(out[i]).epsilon(1e-6));
      CHECK(received.at(endpoint(receivers[i], Port::nic)) == Approx(in[i]).epsilon(1e-6));
    }
    CHECK(sent.size() == static_cast<size_t>(n));  // no far side
    for (const Flow& flow : flows) CHECK(flow.source != flow.target);
    CHECK(flows.size() <= static_cast<size_t>(3 * n));
  }
}

TEST_CASE("what can only be paired with itself goes to the far side") {
  const auto flows = pair({3}, {7}, {3}, {7});
  REQUIRE(flows.size() == 2);
  CHECK(flows[0].source == endpoint(3, Port::nic));
  CHECK(flows[0].target == endpoint(3, Port::far_nic));
  CHECK(flows[1].source == endpoint(3, Port::far_nic));
  CHECK(flows[1].target == endpoint(3, Port::nic));
  CHECK(flows[0].bytes == 7);
}

TEST_CASE("rounding leaves no flows behind") {
  const auto flows = pair({0, 1}, {10, 1e-9}, {1, 0}, {10 + 1e-9, 0});
  CHECK(flows.size() == 1);
}
