// A measured row as a scenario. The row's cells are written as the text of a scenario file and
// loaded like any other, so that its framework's profile, presets and checks are those of every
// scenario. What the row leaves open is the profile's, or is assumed by rules that hold for every
// row alike; each assumption is told. Nothing here reads a row's source, note or measurement.
#pragma once

#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "measured/measured_table.hpp"

namespace moesim {

// Framework of a row whose column says nothing: scenarios/frameworks/neutral.yaml.
inline constexpr const char* kNeutralFramework = "neutral";

struct RowScenario {
  Scenario scenario;
  std::vector<std::string> assumptions;
  std::string reason;  // why the row cannot run; empty when it can
};

// `platform`: preset or file that stands for all devices of the table; "": the preset named in the
// gpu column. `sets`: "plan.vpp=2", ..., laid over each scenario last, behind the row's own.
// Throws InputError when one of either names no key or no value; cells that name no preset and
// values that do not fit together are the row's own reason not to run.
RowScenario scenario_of_row(const MeasuredRow& row, const std::string& platform,
                            const SearchPath& search, const Files& files = disk_files(),
                            const std::vector<std::string>& sets = {});

}  // namespace moesim
