#include "lower/token_exchange.hpp"

#include <map>
#include <numeric>

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "lower/collectives.hpp"

using namespace moesim;

namespace {

std::map<std::string, double> bytes_by_op(LoweredStep& step) {
  std::map<std::string, double> bytes;
  for_each_task(
      step, [&](const Block&, const TaskGraph& graph, const Task& task, const InstanceData& data) {
        if (task.kind == TaskKind::transfer)
          for (const Flow& flow : flows_of(graph, task, data))
            bytes[step.program.op_names[task.op]] += flow.bytes;
      });
  return bytes;
}

struct Routed {
  RoutingShape shape;
  RoutedTokens tokens;
};

Routed routed(int ranks, int ranks_per_node) {
  Routed routed;
  routed.shape.sources = routed.shape.ranks = ranks;
  routed.shape.tokens_per_source = 512;
  routed.shape.experts = 64;
  routed.shape.top_k = 6;
  routed.shape.ranks_per_node = ranks_per_node;
  RoutingSpec spec;
  spec.kind = RoutingKind::uniform;
  Router(spec, routed.shape, 1, 1).sample(0, 0, 0, routed.tokens);
  return routed;
}

std::vector<int> range(int count) {
  std::vector<int> members(static_cast<size_t>(count));
  std::iota(members.begin(), members.end(), 0);
  return members;
}

// A group of 16 ranks on two nodes of 8, and what it sends at 100 bytes a token.
struct Exchanger {
  Routed r = routed(16, 8);
  Fabric fabric = build_fabric(two_nodes(), range(16));
  AllToAll group{fabric, 0, range(16)};

  ExchangeBytes bytes(CollectiveAlgorithm algorithm, bool reverse) const {
    ExchangeBytes out;
    fill_exchange(algorithm, group, r.tokens, r.shape, 100, reverse, out);
    return out;
  }
};

}  // namespace

TEST_CASE("every dispatcher of the table carries a step's tokens out and back") {
  for (const Dispatcher dispatcher : all_dispatchers()) {
    INFO(traits(dispatcher).name);
    Plan plan;
    plan.ep = 16;
    plan.dispatcher = dispatcher;
    const auto step = lower(moe_model(2), two_nodes(), plan, tiny_batch(16));
    const auto bytes = bytes_by_op(*step);
    CHECK(bytes.at("dispatch") > 0);
    CHECK(bytes.at("combine") == Approx(bytes.at("dispatch")));
    CHECK(bytes.at("combine backward") == Approx(bytes.at("dispatch")));
    CHECK(bytes.at("dispatch backward") == Approx(bytes.at("dispatch")));
    CHECK(execute_reference(step->program, step->context.fabric, *step->work).makespan_s > 0);
    bool permutes = false;
    for (const KernelChain& chain : step->program.chains)
      for (const ChainPart& part : chain.parts)
        permutes = permutes || part.op == step->program.op("permute");
    CHECK(permutes == traits(dispatcher).permutes);
  }
}

TEST_CASE("a dispatcher starts with its own cost, or as the platform's collectives do") {
  Pod pod = two_nodes();
  pod.collective_startup_s = 10e-6;
  pod.message_startup_s = 1e-6;
  for (const Dispatcher dispatcher : all_dispatchers()) {
    INFO(traits(dispatcher).name);
    pod.dispatchers[dispatcher] = {50e-6, 0.8, 0.5, 0, 0};
    const Transfer rates = dispatcher_rates(pod, dispatcher, 0, 1000, 15);
    CHECK(rates.latency_s == Approx(traits(dispatcher).own_costs() ? 50e-6 : 25e-6));
    CHECK(rates.nic_rate == Approx(0.8));
    CHECK(rates.nvlink_rate == Approx(0.5));
    pod.overlapped_efficiency = 0.5;
    CHECK(dispatcher_rates(pod, dispatcher, 0, 1000, 15, true).nic_rate == Approx(0.4));
    pod.overlapped_efficiency = 1;
  }
}

TEST_CASE("the algorithm follows the way of the tokens unless the plan names one") {
  const auto automatic = CollectiveAlgorithm::automatic;
  for (const Dispatcher dispatcher : all_dispatchers()) {
    INFO(traits(dispatcher).name);
    const bool two_hop = traits(dispatcher).two_hop();
    CHECK(traits(exchange_algorithm(dispatcher, automatic, 64)).two_hop == two_hop);
    CHECK(exchange_algorithm(dispatcher, CollectiveAlgorithm::flat, 64) ==
          CollectiveAlgorithm::flat);
  }
  CHECK(exchange_algorithm(Dispatcher::nccl, automatic, 16) == CollectiveAlgorithm::flat);
  CHECK(exchange_algorithm(Dispatcher::nccl, automatic, 17) == CollectiveAlgorithm::port_balanced);
}

TEST_CASE("one hop carries every copy; back is out turned round") {
  const Exchanger on_two_nodes;
  const ExchangeBytes out = on_two_nodes.bytes(CollectiveAlgorithm::flat, false);
  const ExchangeBytes back = on_two_nodes.bytes(CollectiveAlgorithm::flat, true);
  const auto& bytes = out.to_rank.bytes;
  CHECK(std::accumulate(bytes.begin(), bytes.end(), 0.0) == Approx(16 * 512 * 6 * 100.0));
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) CHECK(out.to_rank.at(i, j) == back.to_rank.at(j, i));
}

TEST_CASE("two hops: fewer bytes to ranks than copies, fewer to nodes than to their ranks") {
  const Exchanger on_two_nodes;
  const ExchangeBytes one = on_two_nodes.bytes(CollectiveAlgorithm::port_balanced, false);
  const ExchangeBytes two = on_two_nodes.bytes(CollectiveAlgorithm::hierarchical, true);
  CHECK(two.reverse);
  for (size_t i = 0; i < one.to_rank.bytes.size(); ++i)
    CHECK(two.to_rank.bytes[i] <= one.to_rank.bytes[i]);
  const auto totals = on_two_nodes.group.node_totals(two.to_rank);
  REQUIRE(two.to_node.size() == totals.size());
  for (size_t i = 0; i < totals.size(); ++i) {
    CHECK(two.to_node[i] <= totals[i]);
    CHECK(two.to_node[i] <= 512 * 100.0);
  }
}

TEST_CASE("where a group does not begin at a node, distinct tokens per node are an expectation") {
  // The tokens were drawn for nodes of 8; the group's second member is on another node already.
  const Routed r = routed(16, 8);
  Pod pod = two_nodes();
  pod.gpus = 32;
  std::vector<int> places = range(24);
  const Fabric fabric = build_fabric(pod, places);
  const AllToAll aligned(fabric, 0, range(16));
  const AllToAll shifted(fabric, 4, range(16));
  ExchangeBytes exact, expected;
  fill_exchange(CollectiveAlgorithm::hierarchical, aligned, r.tokens, r.shape, 100, false, exact);
  fill_exchange(CollectiveAlgorithm::hierarchical, shifted, r.tokens, r.shape, 100, false,
                expected);
  REQUIRE(shifted.nodes() == 3);
  REQUIRE(expected.to_node.size() == 16 * 3);
  const auto totals = shifted.node_totals(expected.to_rank);
  for (size_t i = 0; i < totals.size(); ++i) {
    CHECK(expected.to_node[i] > 0);
    CHECK(expected.to_node[i] <= totals[i] * (1 + 1e-12));
    CHECK(expected.to_node[i] <= 512 * 100.0);
  }
}
