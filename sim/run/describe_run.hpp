// Says in a report what it is of: the model, and the settings that the scenario resolved to.
#pragma once

#include "config/scenario.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// Fills model, platform, plan, batch, routing and workload of the report from the scenario; the
// figures of the step have to be there.
void describe_run(StepReport& report, const Scenario& scenario);

}  // namespace moesim
