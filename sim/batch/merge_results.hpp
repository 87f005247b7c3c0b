// Puts the folders that shards of one study left together, as if it had been run in one. Takes and
// writes folders of results; simulates nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace moesim {

// A folder's list of all runs of its study, one name a line: in what order results.csv has them.
inline constexpr const char* kOrderFile = "order.txt";
void write_order(const std::filesystem::path& folder, const std::vector<std::string>& names);

struct MergeCounts {
  size_t runs = 0;                   // merged
  std::vector<std::string> missing;  // that a study has and no folder holds
};

// Runs with their reports go to `out`, whatever else is there stays. Where several folders hold a
// run, one that is done is taken. Throws InputError for a folder without runs, or when two hold
// different results under one name.
MergeCounts merge_results(const std::vector<std::filesystem::path>& folders,
                          const std::filesystem::path& out);

}  // namespace moesim
