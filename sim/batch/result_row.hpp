// One line of results.csv from one NAME.json: name, the keys that the runs set, status, wall time,
// the figures of the run that people compare, and the message of a run that is not done. A figure
// that a run does not have is an empty field.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "batch/sweep.hpp"

namespace moesim {

// Both without the line break at the end.
std::string result_header(const std::vector<std::string>& keys);
std::string result_row(const std::vector<std::string>& keys, const StudyRun& run,
                       const nlohmann::ordered_json& result);

}  // namespace moesim
