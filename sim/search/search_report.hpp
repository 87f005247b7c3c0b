// A search as text for a terminal, as JSON, and its best mapping as a scenario.
#pragma once

#include <string>

#include "search/search.hpp"

namespace moesim {

// "TP2 PP8x2 EP32 mbs2 sel": sizes of 1 are left out; full or selective recomputation.
std::string mapping_name(const Plan& plan, const Batch& batch);

// 80 columns wide. `base`: the scenario that was searched, as loaded.
std::string search_table(const SearchResult& result, const Scenario& base, const LoadMapping& load);
// {mappings, fitting, estimated, simulated, rejected: {reason: count}, best: [{set, estimate_s,
// report}]}; reports as of `moesim run`, without what the machine decides.
std::string search_json(const SearchResult& result);

}  // namespace moesim
