// Who gets what where transfers meet, held against an oracle that knows no SimGrid: progressive
// filling by weight, under each flow's cap, from event to event.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "fixtures/draft.hpp"
#include "fixtures/executed.hpp"

using namespace moesim;

namespace {

constexpr double kNic = 50e9;

struct Sharer {
  Transfer transfer;
  double start_s = 0;
};

struct OracleFlow {
  size_t sharer = 0;
  int from = 0, to = 0;
  double left = 0, weight = 0, cap = 0, rate = 0;
};

// Rates of all flows on ports of `kNic`, out of `from` and into `to`.
void fill_rates(std::vector<OracleFlow>& flows, int ranks) {
  std::vector<double> room(2 * static_cast<size_t>(ranks), kNic);
  std::vector<bool> fixed(flows.size(), false);
  for (OracleFlow& flow : flows) flow.rate = 0;
  const auto ports = [&](const OracleFlow& flow) {
    return std::array{static_cast<size_t>(flow.from), static_cast<size_t>(ranks + flow.to)};
  };
  while (true) {
    std::vector<double> weight(room.size(), 0.0);
    for (size_t i = 0; i < flows.size(); ++i)
      if (!fixed[i])
        for (const size_t port : ports(flows[i])) weight[port] += flows[i].weight;
    double level = std::numeric_limits<double>::infinity();
    for (size_t port = 0; port < room.size(); ++port)
      if (weight[port] > 0) level = std::min(level, room[port] / weight[port]);
    if (std::isinf(level)) return;
    bool capped = false;
    for (size_t i = 0; i < flows.size(); ++i)
      capped = capped || (!fixed[i] && flows[i].cap < level * flows[i].weight * (1 - 1e-12));
    for (size_t i = 0; i < flows.size(); ++i) {
      if (fixed[i]) continue;
      OracleFlow& flow = flows[i];
      bool full = false;
      for (const size_t port : ports(flow))
        full = full || room[port] / weight[port] <= level * (1 + 1e-12);
      if (capped ? flow.cap >= level * flow.weight * (1 - 1e-12) : !full) continue;
      flow.rate = capped ? flow.cap : level * flow.weight;
      fixed[i] = true;
    }
    std::fill(room.begin(), room.end(), kNic);
    for (size_t i = 0; i < flows.size(); ++i)
      if (fixed[i])
        for (const size_t port : ports(flows[i])) room[port] -= flows[i].rate;
    for (double& bytes_per_s : room) bytes_per_s = std::max(0.0, bytes_per_s);
  }
}

// Ends of all transfers; `carried`: bytes of each port, out and in.
std::vector<double> oracle_ends(const std::vector<Sharer>& sharers, int ranks,
                                std::vector<double>& carried) {
  carried.assign(2 * static_cast<size_t>(ranks), 0.0);
  std::vector<OracleFlow> waiting, live;
  for (size_t s = 0; s < sharers.size(); ++s) {
    std::vector<double> load(2 * static_cast<size_t>(ranks), 0.0);
    const Transfer& transfer = sharers[s].transfer;
    for (const Flow& flow : transfer.flows) {
      load[static_cast<size_t>(flow.source / kPorts)] += flow.bytes;
      load[static_cast<size_t>(ranks + flow.target / kPorts)] += flow.bytes;
    }
    const double busiest = *std::max_element(load.begin(), load.end());
    for (const Flow& flow : transfer.flows) {
      OracleFlow one;
      one.sharer = s;
      one.from = flow.source / kPorts;
      one.to = flow.target / kPorts;
      one.left = flow.bytes;
      one.weight = transfer.nic_share * flow.bytes / busiest;
      const double own =
          std::max(load[static_cast<size_t>(one.from)], load[static_cast<size_t>(ranks + one.to)]);
      one.cap = transfer.nic_rate < 1 ? transfer.nic_rate * kNic * flow.bytes / own
                                      : std::numeric_limits<double>::infinity();
      waiting.push_back(one);
    }
  }
  std::vector<double> ends(sharers.size(), 0.0);
  double now = 0;
  while (!waiting.empty() || !live.empty()) {
    double next = std::numeric_limits<double>::infinity();
    std::erase_if(waiting, [&](const OracleFlow& flow) {
      const double start = sharers[flow.sharer].start_s;
      if (start <= now) {
        live.push_back(flow);
        return true;
      }
      next = std::min(next, start);
      return false;
    });
    fill_rates(live, ranks);
    for (const OracleFlow& flow : live)
      next = std::min(next, now + std::max(0.0, flow.left) / flow.rate);
    for (OracleFlow& flow : live) {
      const double bytes = flow.rate * (next - now);
      flow.left -= bytes;
      carried[static_cast<size_t>(flow.from)] += bytes;
      carried[static_cast<size_t>(ranks + flow.to)] += bytes;
    }
    now = next;
    std::erase_if(live, [&](const OracleFlow& flow) {
      if (flow.left > 1e-3) return false;
      ends[flow.sharer] = std::max(ends[flow.sharer], now);
      return true;
    });
  }
  return ends;
}

Program program_of(const std::vector<Sharer>& sharers, int ranks) {
  Draft draft(static_cast<uint32_t>(ranks));
  for (const Sharer& sharer : sharers) {
    Draft::After after;
    if (sharer.start_s > 0) after.push_back(draft.delay(sharer.start_s));
    draft.transfer(sharer.transfer, after);
  }
  return draft.one_block();
}

// Pods of one GPU a node, so that all traffic is on NICs.
Pod nics_only(int ranks) {
  Pod pod = plain_pod(ranks);
  pod.gpus_per_node = 1;
  return pod;
}

// Ends of all transfers in the order of `sharers`.
std::vector<double> simulated_ends(const std::vector<Sharer>& sharers, int ranks, bool flows) {
  const Fabric fabric = fabric_of(nics_only(ranks));
  const Program program = program_of(sharers, ranks);
  const Execution done = run_simgrid(program, fabric, flows);
  std::vector<double> ends;
  const TaskGraph& graph = program.templates[0];
  for (TaskId task = 0; task < graph.tasks.size(); ++task)
    for (size_t row = 0; row < done.record.rows(); ++row)
      if (graph.tasks[task].kind == TaskKind::transfer && done.record.task[row] == task)
        ends.push_back(done.record.end_s[row]);
  return ends;
}

std::vector<Sharer> random_mixture(uint64_t seed, int ranks) {
  Random random(seed, {11});
  std::vector<Sharer> sharers;
  const int count = 2 + static_cast<int>(5 * random.uniform());
  for (int s = 0; s < count; ++s) {
    Sharer one;
    one.start_s = random.uniform() < 0.4 ? 0 : 2e-3 * random.uniform();
    one.transfer.nic_rate = random.uniform() < 0.5 ? 1 : 0.1 + 0.8 * random.uniform();
    one.transfer.nic_share = 1 + std::floor(12 * random.uniform());
    one.transfer.ranks = {0};
    const double density = random.uniform();
    for (int from = 0; from < ranks; ++from)
      for (int to = 0; to < ranks; ++to)
        if (from != to && random.uniform() < density)
          one.transfer.flows.push_back({endpoint(from, Port::nic), endpoint(to, Port::nic),
                                        10e6 * (0.05 + random.uniform())});
    if (one.transfer.flows.empty())
      one.transfer.flows = {{endpoint(0, Port::nic), endpoint(1, Port::nic), 10e6}};
    sharers.push_back(std::move(one));
  }
  return sharers;
}

std::vector<std::vector<double>> ends_of(const std::vector<std::vector<Sharer>>& mixtures,
                                         int ranks, bool flows) {
  std::vector<std::function<std::vector<double>()>> works;
  for (const auto& mixture : mixtures)
    works.push_back([&mixture, ranks, flows] { return simulated_ends(mixture, ranks, flows); });
  std::vector<std::vector<double>> all;
  for (const Numbers& numbers : numbers_in_children(works)) {
    CHECK(numbers.error == "");
    all.push_back(numbers.values);
  }
  return all;
}

}  // namespace

TEST_CASE("random mixtures of transfers end when the oracle says, and carry what they were given") {
  constexpr int kRanks = 6;
  std::vector<std::vector<Sharer>> mixtures;
  for (uint64_t seed = 1; seed <= 60; ++seed) mixtures.push_back(random_mixture(seed, kRanks));
  const auto simulated = ends_of(mixtures, kRanks, true);
  for (size_t m = 0; m < mixtures.size(); ++m) {
    INFO("mixture " << m + 1);
    std::vector<double> carried, asked(2 * kRanks, 0.0);
    const auto expected = oracle_ends(mixtures[m], kRanks, carried);
    REQUIRE(simulated[m].size() == expected.size());
    for (size_t s = 0; s < expected.size(); ++s)
      CHECK(simulated[m][s] == Approx(expected[s]).epsilon(2e-5));
    for (const Sharer& sharer : mixtures[m])
      for (const Flow& flow : sharer.transfer.flows) {
        asked[static_cast<size_t>(flow.source / kPorts)] += flow.bytes;
        asked[static_cast<size_t>(kRanks + flow.target / kPorts)] += flow.bytes;
      }
    for (size_t port = 0; port < asked.size(); ++port)
      CHECK(carried[port] == Approx(asked[port]).epsilon(1e-8));
  }
}

// One port that is never idle takes all bytes over its bandwidth, whoever shares it. So many bytes
// that SimGrid's nanosecond is no error.
TEST_CASE("a port that is never idle carries exactly the bytes that were asked for") {
  std::vector<std::vector<Sharer>> mixtures;
  std::vector<double> expected;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed, {12});
    std::vector<Sharer> sharers;
    double bytes = 0;
    for (int s = 0; s < 5; ++s) {
      Sharer one;
      one.transfer = send(0, 1 + s, Port::nic, 1e9 * (1 + 50 * random.uniform()));
      one.transfer.nic_rate = 0.05 + 0.2 * random.uniform();
      one.transfer.nic_share = 1 + 5 * random.uniform();
      bytes += one.transfer.flows[0].bytes;
      sharers.push_back(one);
    }
    Sharer rest;
    rest.transfer = send(0, 6, Port::nic, 2e12);
    sharers.push_back(rest);
    mixtures.push_back(sharers);
    expected.push_back((bytes + 2e12) / kNic);
  }
  for (const bool flows : {true, false}) {
    const auto simulated = ends_of(mixtures, 8, flows);
    for (size_t m = 0; m < mixtures.size(); ++m) {
      INFO("mixture " << m + 1 << (flows ? " as flows" : ""));
      CHECK(*std::max_element(simulated[m].begin(), simulated[m].end()) ==
            Approx(expected[m]).epsilon(1e-9));
    }
  }
}

TEST_CASE("a transfer below the port's rate leaves the rest of the port to others") {
  // A quarter of the port for 4 ms, beside 150 MB that take the other three quarters meanwhile.
  std::vector<Sharer> sharers(2);
  sharers[0].transfer = send(0, 1, Port::nic, 50e6);
  sharers[0].transfer.nic_rate = 0.25;
  sharers[1].transfer = send(0, 2, Port::nic, 150e6);
  for (const double share : {1.0, 8.0}) {
    sharers[0].transfer.nic_share = share;
    for (const bool flows : {true, false}) {
      const auto ends = ends_of({sharers}, 4, flows)[0];
      CHECK(ends[0] == Approx(4e-3).epsilon(1e-6));
      CHECK(ends[1] == Approx(4e-3).epsilon(1e-6));
    }
  }
}

TEST_CASE("transfers share by their queue pairs, whatever number of flows carries them") {
  // Rank 0 sends 30 MB in 1, 3 or 10 flows with three shares, and 10 MB with one share: both fill
  // their part of the port until both are done.
  for (const int flows_of_first : {1, 3, 10}) {
    std::vector<Sharer> sharers(2);
    for (int to = 1; to <= flows_of_first; ++to)
      sharers[0].transfer.flows.push_back(
          {endpoint(0, Port::nic), endpoint(to, Port::nic), 30e6 / flows_of_first});
    sharers[0].transfer.ranks = {0};
    sharers[0].transfer.nic_share = 3;
    sharers[1].transfer = send(0, 11, Port::nic, 10e6);
    const auto ends = ends_of({sharers}, 12, true)[0];
    INFO(flows_of_first << " flows");
    CHECK(ends[0] == Approx(40e6 / kNic).epsilon(1e-7));
    CHECK(ends[1] == Approx(40e6 / kNic).epsilon(1e-7));
  }
}
