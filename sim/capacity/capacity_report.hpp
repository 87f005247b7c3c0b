// An answer to a question of capacity as text for a terminal, and as JSON.
#pragma once

#include <string>

#include "capacity/capacity.hpp"

namespace moesim {

// 80 columns wide.
std::string capacity_table(const CapacityResult& result);
// {rows, pareto, smallest, smallest_by_platform, best, upgrades, ...}: docs/formats/capacity.md.
std::string capacity_json(const CapacityResult& result);

}  // namespace moesim
