#include "lower/template_builder.hpp"

#include <algorithm>

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "model/kernel_builders.hpp"

using namespace moesim;

namespace {

constexpr int kRanks = 2;
const Groups kPair{{0, 1}};
const Communication kExchange{Stream::ep, "exchange"};

Transfer message(const std::vector<int>& group) {
  Transfer transfer;
  transfer.ranks.assign(group.begin(), group.end());
  transfer.latency_s = 1e-3;
  return transfer;
}

// A builder with what it refers to.
struct Built {
  Program program;
  Device device = ideal_device();
  Plan plan;
  ChainCost cost{device, plan};
  TemplateBuilder builder{program, cost, "test", kRanks};
  TemplateDraws draws;

  void compute(int layer = 0) {
    builder.compute({memory_kernel(Op::norm, Pass::forward, 1e30)}, layer, Phase::forward);
  }
  TaskGraph freeze() { return builder.freeze(draws); }
};

std::vector<TaskId> tasks_of(const TaskGraph& graph, TaskKind kind) {
  std::vector<TaskId> found;
  for (TaskId id = 0; id < graph.tasks.size(); ++id)
    if (graph.tasks[id].kind == kind) found.push_back(id);
  return found;
}

bool follows(const TaskGraph& graph, TaskId before, TaskId after) {
  const auto successors = graph.successors(before);
  return std::find(successors.begin(), successors.end(), after) != successors.end();
}

}  // namespace

TEST_CASE("kernels without anything between them are one run on every rank") {
  Built built;
  built.compute();
  built.compute(1);
  built.builder.collective(kExchange, kPair, message);
  built.compute();
  const TaskGraph graph = built.freeze();
  const auto runs = tasks_of(graph, TaskKind::compute);
  REQUIRE(runs.size() == 2 * kRanks);
  CHECK(built.program.chains[graph.tasks[runs[0]].payload].parts.size() == 2);
  CHECK(graph.tasks[runs[0]].seconds == Approx(2 * graph.tasks[runs[2]].seconds));
}

TEST_CASE("a collective waits for all members, and all members wait for it") {
  Built built;
  built.compute();
  built.builder.collective(kExchange, kPair, message);
  built.compute();
  const TaskGraph graph = built.freeze();
  const auto runs = tasks_of(graph, TaskKind::compute);
  const auto transfers = tasks_of(graph, TaskKind::transfer);
  REQUIRE(transfers.size() == 1);
  for (int rank = 0; rank < kRanks; ++rank) {
    CHECK(follows(graph, runs[rank], transfers[0]));
    CHECK(follows(graph, transfers[0], runs[kRanks + rank]));
  }
}

TEST_CASE("groups of one move nothing") {
  Built built;
  const auto tasks = built.builder.background_collective(kExchange, {{0}, {1}}, message);
  CHECK(tasks == std::vector<TaskId>(kRanks, TemplateBuilder::kNoTask));
  CHECK(built.freeze().transfers.empty());
}

TEST_CASE("compute passes a background transfer, until it waits for it") {
  Built built;
  built.compute();
  const auto sent = built.builder.background_collective(kExchange, kPair, message);
  built.compute();
  built.builder.wait_for(sent);
  built.compute();
  const TaskGraph graph = built.freeze();
  const auto runs = tasks_of(graph, TaskKind::compute);
  REQUIRE(runs.size() == 3 * kRanks);
  CHECK_FALSE(follows(graph, sent[0], runs[kRanks]));
  CHECK(follows(graph, sent[0], runs[2 * kRanks]));
  CHECK(follows(graph, runs[kRanks], runs[2 * kRanks]));
}

TEST_CASE("transfers of one stream keep their order") {
  Built built;
  const auto first = built.builder.background_collective(kExchange, kPair, message);
  const auto second = built.builder.background_collective(kExchange, kPair, message);
  const auto other = built.builder.background_collective({Stream::tp, "other"}, kPair, message);
  const TaskGraph graph = built.freeze();
  CHECK(follows(graph, first[0], second[0]));
  CHECK_FALSE(follows(graph, second[0], other[0]));
}

TEST_CASE("two lanes share the compute stream, in the order of emission") {
  for (const bool blocking : {false, true}) {
    Built built;
    built.compute();
    if (blocking)
      built.builder.blocking_collective(kExchange, kPair, message);
    else
      built.builder.collective(kExchange, kPair, message);
    built.builder.use_lane(1);
    built.compute();
    const TaskGraph graph = built.freeze();
    CHECK(graph.entry_ports() == 2);
    const auto runs = tasks_of(graph, TaskKind::compute);
    const TaskId sent = tasks_of(graph, TaskKind::transfer)[0];
    for (int rank = 0; rank < kRanks; ++rank) {
      CHECK(graph.tasks[runs[kRanks + rank]].lane == 1);
      CHECK(follows(graph, runs[rank], runs[kRanks + rank]));
      CHECK(follows(graph, sent, runs[kRanks + rank]) == blocking);
    }
  }
}

TEST_CASE("after the lanes have joined each waits for both") {
  Built built;
  built.compute();
  built.builder.use_lane(1);
  built.compute();
  built.builder.join_lanes();
  const auto sent = built.builder.background({Stream::pp, "send"}, [](int) { return message({}); });
  const TaskGraph graph = built.freeze();
  const auto runs = tasks_of(graph, TaskKind::compute);
  CHECK(follows(graph, runs[0], sent[0]));
  CHECK(follows(graph, runs[kRanks], sent[0]));
}

TEST_CASE("routed work gets a draw for each rank and group") {
  Built built;
  const Kernels kernels{row_kernel(Op::expert_activation, Pass::forward, 1)};
  built.builder.busy_host(2e-3);
  built.builder.routed_compute(kernels, 3, std::vector<int>{1}, 5, Phase::forward);
  built.builder.collective({Stream::ep, "combine", 5, Phase::forward, RoutedBytes{64, true}}, kPair,
                           message);
  const TaskGraph graph = built.freeze();
  CHECK(graph.drawn_computes == kRanks);
  CHECK(graph.drawn_transfers == 1);
  for (int rank = 0; rank < kRanks; ++rank) {
    CHECK(built.draws.compute[rank].rank == static_cast<uint32_t>(rank));
    CHECK(built.draws.compute[rank].kernels == 3);
    CHECK(built.draws.compute[rank].layer == 5);
    CHECK(built.draws.compute[rank].more_host_s == 2e-3);
  }
  CHECK(built.draws.transfers[0].reverse);
  CHECK(built.draws.transfers[0].token_bytes == 64);
}

TEST_CASE("an exit follows its tasks, the front, or both") {
  Built built;
  built.compute();
  const auto sent = built.builder.background_collective(kExchange, kPair, message);
  built.builder.exit(0, sent, false);
  built.builder.exit(300, sent);  // ports are not bytes
  const TaskGraph graph = built.freeze();
  const auto exits = tasks_of(graph, TaskKind::exit);
  const auto runs = tasks_of(graph, TaskKind::compute);
  REQUIRE(exits.size() == 2 * kRanks);
  CHECK(follows(graph, sent[0], exits[0]));
  CHECK_FALSE(follows(graph, runs[0], exits[0]));
  CHECK(follows(graph, sent[0], exits[kRanks]));
  CHECK(follows(graph, runs[0], exits[kRanks]));
  CHECK(graph.tasks[exits[kRanks]].payload == 300);
}

TEST_CASE("a fraction of kernels takes that fraction of their time") {
  Built built;
  const Kernels kernels{memory_kernel(Op::attention, Pass::forward, 1e30)};
  built.builder.compute_fraction(kernels, 0.25, 0, Phase::forward);
  const TaskGraph graph = built.freeze();
  const auto runs = tasks_of(graph, TaskKind::compute);
  CHECK(graph.tasks[runs[0]].seconds == Approx(0.25 * built.cost.seconds(kernels)));
}
