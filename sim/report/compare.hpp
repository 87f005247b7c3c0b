// JSON reports side by side: which settings differ, then what that changed and by how much.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace moesim {

struct Comparison {
  std::string text;  // at most 80 columns wide; three reports and more stand in blocks of three
  // For each report but the first, its step time over that of the first, minus 1; infinite when
  // only the first took no time.
  std::vector<double> step_time_changes;
};

struct NamedReport {
  std::string name;  // a file, for headings and errors
  std::string json;  // output of json_text, possibly of another version: what one report lacks is
                     // shown as "-"
};

// Compares every report with the first. Throws InputError naming each report that is not a JSON
// object with a step_time_s, and for less than two reports.
Comparison compare_reports(std::span<const NamedReport> reports);

}  // namespace moesim
