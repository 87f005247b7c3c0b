// Asks a folder of results: which runs, in which order, which of their figures. Takes stored runs
// and names of figures; reads no files itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "batch/stored_run.hpp"

namespace moesim {

struct ResultsQuery {
  std::string where;                 // as base/expression.hpp reads it; empty: all
  std::string sort;                  // a figure, or -figure for the smallest first; empty: by name
  std::vector<std::string> columns;  // figures; empty: the usual ones and what the runs set
};

struct ResultsTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // cells as in CSV; "" where a run has no such figure
  std::vector<std::vector<bool>> numbers;      // whether the cell is a number
};

// Whether less of a figure is better: of times, of the parts of a step, of memory.
bool less_is_better(const std::string& figure);

// All runs of a folder, by name. Throws InputError where there is no folder, or no run in it.
std::vector<StoredRun> runs_in(const std::filesystem::path& folder);

// Figures are called by their path in JSON ("breakdown_s.compute"), their column in CSV, a key
// ("plan.ep"), the last part of a key that runs set ("ep"), or `fits`. Times sort shortest first,
// other figures largest first. Throws InputError for a name that no run knows, with a near one.
ResultsTable query_results(const std::vector<StoredRun>& runs, const ResultsQuery& query);

enum class ResultsFormat { table, csv, json };
std::string results_text(const ResultsTable& table, ResultsFormat format);

}  // namespace moesim
