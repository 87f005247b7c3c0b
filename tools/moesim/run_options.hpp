// `run` and `sweep` share this: options, one simulation to a report, a batch to a folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "batch/sweep.hpp"

namespace CLI {
class App;
}

namespace moesim {

struct SimulateOptions {
  uint64_t seed = 1;
  std::string format = "table";
  bool machine_facts = true;
  bool strict = false;
  double most_memory_gb = 0;  // 0: what the machine has
  double most_time_s = 0;     // of one run; 0: any

  double most_memory_bytes() const;
};

struct BatchRunOptions {
  int jobs = 1;
  double timeout_s = 0;
  std::string out = "results";
  // The scenario of a study: runs whose settings do not fit together are then skipped, and the last
  // screen ranks the others against it.
  std::string base;
  std::vector<std::string> order;  // of all runs of the study, those of other shards too
};

void add_simulate_options(CLI::App& command, SimulateOptions& options);
void add_batch_options(CLI::App& command, BatchRunOptions& options);
// --assume like=TYPE, which becomes an override of the workload, whose keys begin with `prefix`
// ("workload." in a scenario).
void add_assume_option(CLI::App& command, std::vector<std::string>& sets,
                       const std::string& prefix = "workload.");

// Runs all, each in its own process, into the folder; prints a table of them and where the results
// are. Gives the exit code. `sets` are those given on the command line. Throws InputError before
// anything runs when the batch as a whole is wrong: its folder, its files, those settings.
int run_all(const std::vector<StudyRun>& runs, const std::vector<std::string>& sets,
            const SimulateOptions& simulate, const BatchRunOptions& options);

}  // namespace moesim
