// One line of results.csv from one run: name, the keys that the runs set, status, wall time, the
// figures of the report with the trait kResults, and the message of a run that is not done. A
// figure that a run does not have is an empty field.
#pragma once

#include <string>
#include <vector>

#include "batch/stored_run.hpp"
#include "batch/sweep.hpp"

namespace moesim {

// Both without the line break at the end.
std::string result_header(const std::vector<std::string>& keys);
std::string result_row(const std::vector<std::string>& keys, const StudyRun& run,
                       const StoredRun& stored);

}  // namespace moesim
