// A measured row as a scenario. What the row does not say is assumed by rules that hold for every
// row alike, and each assumption is told; nothing here depends on the row's measurement. Rules that
// were inferred from a group of rows say so.
#pragma once

#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "measured/measured_table.hpp"

namespace moesim {

// Fills recompute, overlap and dispatcher, where a row leaves them empty, from the nearest row of
// the same model, devices, precision and mapping. Gives, per row, the columns that were filled.
// Call on the whole table.
std::vector<std::vector<std::string>> fill_from_equal_rows(std::vector<MeasuredRow>& rows);

struct RowScenario {
  Scenario scenario;
  std::vector<std::string> assumptions;
  std::string reason;  // why the row cannot run; empty when it can
};

// `platform`: preset or file that stands for all devices of the table; "": the preset named in the
// gpu column. `sets`: "plan.vpp=2", ..., laid over each scenario last. Throws InputError when one
// of them names no key or no value; values that do not fit together are the row's own reason not to
// run.
RowScenario scenario_of_row(const MeasuredRow& row, const std::string& platform,
                            const SearchPath& search, const Files& files = disk_files(),
                            const std::vector<std::string>& sets = {});

}  // namespace moesim
