// How far predictions were from measured steps, by framework and generation of the device: a table
// that tools/calibrate/known_errors.py writes from the tables of validation. Takes what a scenario
// runs on and with, returns the row that is most like it; knows nothing of time or reports.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "config/presets.hpp"

namespace moesim {

struct KnownErrorRow {
  std::string framework;   // a profile's family; empty: any
  std::string generation;  // of the device; empty: any
  int rows = 0;            // measured steps
  int sources = 0;
  // Four rows in five have step times that lie within a factor 1 + error of their prediction.
  double error = 0;
};

// Where the table lies inside a data directory.
inline constexpr const char* kKnownErrorsFile = "scenarios/frameworks/known-errors.csv";

std::vector<KnownErrorRow> parse_known_errors(const std::string& text, const std::string& file,
                                              Problems& problems);

// Returns the table of the first data directory that has one; empty: none has. Throws InputError.
std::vector<KnownErrorRow> load_known_errors(const SearchPath& search,
                                             const Files& files = disk_files());

// Returns the family of a profile: its name without the release, "" for a file.
std::string framework_family(const std::string& framework);

// Returns the row of the framework's family and the generation, else of the family, else of the
// generation, else of all.
std::optional<KnownErrorRow> known_error_of(const std::vector<KnownErrorRow>& table,
                                            const std::string& framework,
                                            const std::string& generation);

// "megatron-bridge on blackwell", "blackwell", "any framework and device".
std::string described(const KnownErrorRow& row);

}  // namespace moesim
