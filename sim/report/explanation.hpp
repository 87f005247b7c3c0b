// An explanation as a table for people and as JSON for scripts.
#pragma once

#include <string>

#include "metrics/explanation.hpp"

namespace moesim {

std::string explanation_table(const Explanation& explanation, bool ascii = false);
std::string explanation_json(const Explanation& explanation, const std::string& version);

}  // namespace moesim
