// Recorded token counts from a CSV file: a line of column names (layer, step, expert, tokens, in
// any order), then a line per count. Every problem is reported with line and column.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "routing/spec.hpp"

namespace moesim {

struct RecordedLimits {
  int layers = 0, experts = 0;  // of the model; 0: not known
};

inline constexpr size_t kMaxRecordedBytes = size_t{512} << 20;
inline constexpr size_t kMostRecordedProblems =
    20;  // a file of the wrong kind is wrong in every line

// `key`: the path that problems are reported under.
std::vector<RecordedCount> read_recorded_counts(const std::string& text, const std::string& file,
                                                const std::string& key,
                                                const RecordedLimits& limits, Problems& problems);

}  // namespace moesim
