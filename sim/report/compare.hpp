// Two JSON reports side by side: what changed, by how much.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

struct Comparison {
  std::string text;  // at most 80 columns
  double step_time_change =
      0;  // after / before - 1; infinite when only the step before took no time
};

struct NamedReport {
  std::string name;  // a file, for headings and errors
  std::string json;  // output of json_text, possibly of another version: what one side lacks is
                     // shown as "-"
};

// Throws InputError naming each report that is not a JSON object with a step_time_s.
Comparison compare_reports(const NamedReport& before, const NamedReport& after, bool ascii = false);

}  // namespace moesim
