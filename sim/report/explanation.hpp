// An explanation as a table for people; report/json.hpp prints it for scripts.
#pragma once

#include <string>

#include "metrics/explanation.hpp"

namespace moesim {

std::string explanation_table(const Explanation& explanation);

}  // namespace moesim
