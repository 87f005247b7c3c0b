// Finds fast mappings of a model on a pod: mappings that the reader accepts and that fit in memory
// are estimated by two short steps each, and the best of them are simulated whole.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "batch/process_pool.hpp"
#include "config/scenario.hpp"
#include "metrics/step_report.hpp"
#include "search/space.hpp"

namespace moesim {

struct SearchOptions {
  FreeAxes free;
  int top = 10;
  double time_s = 600;     // no more estimates are begun after it
  int more_finalists = 5;  // simulated whole beside the top: estimates may misplace neighbours
  bool allow_tight = false;
  uint64_t seed = 1;
  std::string version;
  int jobs = 1;
  std::function<void(const std::string&)> on_progress;  // "estimated 40 of 312"
};

struct FoundMapping {
  std::vector<std::string> sets;
  double estimate_s = 0;  // from the short steps
  StepReport report;      // of the whole step
};

struct SearchResult {
  std::vector<FoundMapping> best;       // fastest first
  std::map<std::string, int> rejected;  // how many, by reason
  int mappings = 0;                     // enumerated
  int fitting = 0;                      // that fit in memory
  int estimated = 0;                    // of them, before the time was over
  int simulated = 0;                    // whole
  bool interrupted = false;
};

// Gives the scenario with these settings over it; throws InputError.
using LoadMapping = std::function<Scenario(const std::vector<std::string>& sets)>;

// Throws InputError when the scenario is of a wafer system, or unsound.
SearchResult search(const LoadMapping& load, const SearchOptions& options);

// Microbatches of the two short steps; {0, 0}: the step is as short itself.
struct ShortSteps {
  int first = 0, second = 0;
};
ShortSteps short_steps(const Plan& plan, int microbatches);

}  // namespace moesim
