#include "lower/token_exchange.hpp"

#include <algorithm>

#include "lower/collectives.hpp"

namespace moesim {

CollectiveAlgorithm exchange_algorithm(Dispatcher dispatcher, CollectiveAlgorithm asked,
                                       int ranks) {
  if (asked == CollectiveAlgorithm::automatic && traits(dispatcher).two_hop())
    return CollectiveAlgorithm::hierarchical;
  return chosen_algorithm(CollectiveKind::all_to_all, asked, ranks);
}

ExchangeUse exchange_use(const AllToAll& group, Dispatcher dispatcher) {
  const bool two_hop = traits(dispatcher).two_hop();
  ExchangeUse use;
  use.nodes = group.nodes();
  use.messages = group.messages(two_hop);
  use.far_peers = group.far_peers(two_hop);
  return use;
}

Transfer dispatcher_rates(const Pod& pod, Dispatcher dispatcher, const ExchangeUse& use) {
  const DispatcherCost& cost = pod.dispatchers[dispatcher];
  const bool own = traits(dispatcher).own_costs();
  const double kept = use.beside_compute ? pod.overlapped_efficiency : 1;
  Transfer rates;
  rates.latency_s =
      own ? cost.startup_s : pod.collective_startup_s + pod.message_startup_s * use.messages;
  rates.nic_rate = pod.nic_share(cost, use.sms, use.token_bytes, use.nodes, kept, use.combine);
  rates.nvlink_rate = pod.nvlink_share(cost, use.sms, use.token_bytes, kept, use.combine);
  rates.nic_share = std::max(1, use.far_peers) * (own ? cost.queue_pairs : pod.peer_queue_pairs);
  return rates;
}

namespace {

void fill_copies(const RoutedTokens& tokens, double token_bytes, bool reverse, ByteMatrix& matrix) {
  for (int i = 0; i < matrix.ranks; ++i)
    for (int j = 0; j < matrix.ranks; ++j) {
      const double sent =
          token_bytes * tokens.rank_copies[static_cast<size_t>(i) * matrix.ranks + j];
      (reverse ? matrix.at(j, i) : matrix.at(i, j)) = sent;
    }
}

// The router counts distinct tokens per node for groups that begin at a node. Where the group lies
// otherwise, a node's distinct tokens follow from those of its ranks, taken as independent.
void fill_nodes(const AllToAll& group, const RoutedTokens& tokens, const RoutingShape& shape,
                double token_bytes, std::vector<double>& to_node) {
  const int n = group.size(), nodes = group.nodes();
  to_node.assign(static_cast<size_t>(n) * nodes, 0);
  bool regular = nodes == tokens.nodes;
  for (int i = 0; i < n; ++i) regular = regular && group.node_of(i) == i / shape.ranks_per_node;
  if (regular) {
    for (size_t i = 0; i < to_node.size(); ++i) to_node[i] = token_bytes * tokens.node_tokens[i];
    return;
  }
  const double all = static_cast<double>(shape.tokens_per_source);
  std::vector<double> missed(nodes);
  for (int i = 0; i < n; ++i) {
    std::fill(missed.begin(), missed.end(), 1.0);
    for (int j = 0; j < n; ++j)
      missed[group.node_of(j)] *= 1 - tokens.rank_tokens[static_cast<size_t>(i) * n + j] / all;
    for (int node = 0; node < nodes; ++node)
      to_node[static_cast<size_t>(i) * nodes + node] = token_bytes * all * (1 - missed[node]);
  }
}

}  // namespace

void fill_exchange(Dispatcher dispatcher, const AllToAll& group, const RoutedTokens& tokens,
                   const RoutingShape& shape, double token_bytes, bool reverse,
                   ExchangeBytes& out) {
  out.to_rank.reset(group.size());
  out.reverse = reverse;
  out.two_hop = traits(dispatcher).two_hop();
  if (!out.two_hop) return fill_copies(tokens, token_bytes, reverse, out.to_rank);
  for (size_t i = 0; i < out.to_rank.bytes.size(); ++i)
    out.to_rank.bytes[i] = token_bytes * tokens.rank_tokens[i];
  fill_nodes(group, tokens, shape, token_bytes, out.to_node);
}

}  // namespace moesim
