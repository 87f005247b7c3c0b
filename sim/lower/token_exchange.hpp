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
// plan.all_to_all.
CollectiveAlgorithm exchange_algorithm(Dispatcher dispatcher, CollectiveAlgorithm asked, int ranks);

// Returns start-up and rates of dispatch or combine, without flows, ranks and the latency of the
// fabric; `messages` start one by one where the dispatcher has no costs of its own. Beside compute,
// both want device memory. `sms` copy tokens of this size; 0: no limit.
Transfer dispatcher_rates(const Pod& pod, Dispatcher dispatcher, int sms, double token_bytes,
                          int messages, bool beside_compute = false);

// Fills `out` with the bytes of the tokens that `tokens` routes: copies of a token where
// `algorithm` takes one hop, distinct ranks and nodes where it takes two. `reverse`: from the
// experts back. `shape` is what `tokens` was drawn for.
void fill_exchange(CollectiveAlgorithm algorithm, const AllToAll& group, const RoutedTokens& tokens,
                   const RoutingShape& shape, double token_bytes, bool reverse, ExchangeBytes& out);

}  // namespace moesim
