// Settings that another setting leaves without effect. Where both were written together that is a
// mistake, and an error; where the other one was laid over them later (a --set, a scenario over its
// base) they are put back to their defaults, so that a resolved scenario holds none.
#pragma once

#include "base/diagnostics.hpp"
#include "config/scenario.hpp"

namespace moesim {

void settle_unused(ResolvedScenario& resolved, Problems& problems);

}  // namespace moesim
