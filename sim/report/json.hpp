// The report as one JSON object: the keys that scripts rely on, in the order of the contract
// (docs/FORMATS.md), then what was added since. Numbers read back as the same doubles; one that is
// not finite is null.
#pragma once

#include <string>

#include "metrics/step_report.hpp"

namespace moesim {

struct JsonOptions {
  // simulation.wall_s and simulation.peak_rss_bytes tell of the machine that simulated and differ
  // between two equal runs. False writes them as null, so that the same input and seed give the
  // same bytes.
  bool machine_facts = true;
};

// Ends with a line break.
std::string json_text(const StepReport& report, const JsonOptions& options = {});

}  // namespace moesim
