// The report as one JSON object: the keys that scripts rely on, in the order of the contract
// (docs/formats/reports.md), then what was added since.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "metrics/explanation.hpp"
#include "metrics/step_report.hpp"
#include "report/figures_json.hpp"

namespace moesim {

// Numbers read back as the same doubles; one that is not finite is null. Ends with a line break.
std::string json_text(const StepReport& report, const JsonOptions& options = {});
std::string explanation_json(const Explanation& explanation);

struct ReadReport {
  StepReport report;
  std::set<std::string> given;  // dotted paths of the numbers that the JSON has
};
// Reads the output of json_text, possibly of another version: what it lacks keeps its default.
// Nothing for a text that is no JSON object.
std::optional<ReadReport> read_report(std::string_view json);

}  // namespace moesim
