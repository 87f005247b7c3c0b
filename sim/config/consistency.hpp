// Values that are each in range but do not fit together.
#pragma once

#include "base/diagnostics.hpp"
#include "config/reader.hpp"

namespace moesim {

struct Scenario;

// Adds a problem per violated rule, at the place of the first of its keys that the user gave. Rules
// that involve a value which was not read soundly (see ValueSource) are left out: they would only
// echo the first problem.
void check_consistency(const Scenario& scenario, const ValueSources& sources, Problems& problems);

}  // namespace moesim
