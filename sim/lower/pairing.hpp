// A vertex of the transportation polytope: re-pairs egress and ingress totals so that every port
// keeps its load.
#pragma once

#include <span>
#include <vector>

#include "graph/task.hpp"

namespace moesim {

// Sends `out[i]` bytes from rank `senders[i]` and lets rank `receivers[j]` receive `in[j]` over
// `port`. Totals must be equal; `out` and `in` are used up. At most senders + receivers - 1 flows,
// and a few more where the rule would pair a rank with itself: such bytes change places with a flow
// between two others. Totals that leave no such flow (never those of a matrix with an empty
// diagonal) send to and receive from the far side instead.
void pair_north_west(Port port, std::span<const int> senders, std::span<double> out,
                     std::span<const int> receivers, std::span<double> in,
                     std::vector<Flow>& flows);

}  // namespace moesim
