// How much memory a simulation will take, before it takes any.
#pragma once

#include <string>
#include <vector>

#include "config/scenario.hpp"

namespace moesim {

struct MemoryNeed {
  double bytes = 0;
  std::string of;  // "the routing of 65536 tokens' sources to 65536 ranks (plan.ep)"
};

// Returns the largest parts, largest first; each is known to a factor of two or so.
std::vector<MemoryNeed> forecast_size(const Scenario& scenario);

// Throws RunError, with the count that makes it so, where the parts need more than `most_bytes`
// together; 0: no limit.
void refuse_beyond(const Scenario& scenario, double most_bytes);

}  // namespace moesim
