// Dispatch and combine of one group: what a dispatcher moves for given tokens, by which algorithm,
// at which start-up and rates. Training steps, tables of measured collectives and the closed form
// share it.
#pragma once

#include "cluster/dispatcher.hpp"
#include "cluster/pod.hpp"
#include "lower/all_to_all.hpp"
#include "plan/collective_algorithm.hpp"
#include "routing/routing.hpp"

namespace moesim {

// Returns the algorithm that lowers a dispatcher's exchange among this number of ranks; `asked` is
// plan.all_to_all. It decides how many flows there are; which bytes travel, the dispatcher.
CollectiveAlgorithm exchange_algorithm(Dispatcher dispatcher, CollectiveAlgorithm asked, int ranks);

// Holds what a dispatcher's start-up and rates depend on beside the dispatcher.
struct ExchangeUse {
  int nodes = 1;      // of the group
  int messages = 0;   // that a member starts one by one, where the dispatcher has no own costs
  int far_peers = 0;  // of a member, in other nodes
  int sms = 0;        // that copy tokens; 0: no limit
  double token_bytes = 0;
  bool combine = false;
  bool beside_compute = false;  // both want device memory
};
ExchangeUse exchange_use(const AllToAll& group, Dispatcher dispatcher);

// Returns start-up and rates of dispatch or combine, without flows, ranks and the latency of the
// fabric; the start-up is that of the kernels (DispatcherCost::startup_s).
Transfer dispatcher_rates(const Pod& pod, Dispatcher dispatcher, const ExchangeUse& use);

// Fills `out` with the bytes of the tokens that `tokens` routes: copies of a token where
// `dispatcher` takes one hop, distinct ranks and nodes where it takes two. `reverse`: from the
// experts back. `shape` is what `tokens` was drawn for.
void fill_exchange(Dispatcher dispatcher, const AllToAll& group, const RoutedTokens& tokens,
                   const RoutingShape& shape, double token_bytes, bool reverse, ExchangeBytes& out);

}  // namespace moesim
