// The algorithms of collectives: their names, and which collectives they are for.
// lower/collectives.hpp runs them; sim/lower/collectives.cpp has one function for each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/spelling.hpp"

namespace moesim {

// The row number in kCollectiveAlgorithms.
enum class CollectiveAlgorithm : uint8_t {
  automatic,      // the one that lower/collectives.hpp's chosen_algorithm returns
  flat,           // a flow from each member to each other one
  port_balanced,  // the same bytes on every port in at most 2N - 1 flows per kind of port
  hierarchical,   // inside the node and between nodes, one after the other or by chunks
  closed_form,    // no flows: the lower bound on a timer
  ring,
};

struct CollectiveAlgorithmTraits {
  const char* name;
  bool exchanges;        // carries an all-to-all, whose members send each other different amounts
  bool shares;           // carries collectives with one buffer size for all members
  bool two_hop = false;  // an exchange sends a token once per destination node
};

inline constexpr auto kCollectiveAlgorithms = std::to_array<CollectiveAlgorithmTraits>({
    {"auto", true, true},
    {"flat", true, false},
    {"port_balanced", true, false},
    {"hierarchical", true, true, true},
    {"closed_form", true, true},
    {"ring", false, true},
});

constexpr const CollectiveAlgorithmTraits& traits(CollectiveAlgorithm algorithm) {
  return kCollectiveAlgorithms[static_cast<size_t>(algorithm)];
}

inline constexpr auto kCollectiveAlgorithmNames =
    spelled_rows<CollectiveAlgorithm>(kCollectiveAlgorithms);
constexpr const auto& enum_names(CollectiveAlgorithm) { return kCollectiveAlgorithmNames; }

}  // namespace moesim
