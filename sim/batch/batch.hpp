// A batch: many runs through the process pool, their outcomes in a result store, finished ones of
// an earlier batch skipped. What a run is, the caller says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "batch/process_pool.hpp"
#include "batch/sweep.hpp"
#include "report/json.hpp"

namespace moesim {

struct BatchOptions {
  std::string out_folder;
  std::string version;  // part of the fingerprint: another version simulates again
  PoolOptions pool;     // its progress is told of all runs, skipped ones included
  JsonOptions json;     // of the files of results
};

struct BatchCounts {
  size_t done = 0, failed = 0, crashed = 0, timed_out = 0;  // skipped ones by their earlier status
  size_t skipped = 0;
  size_t refused = 0;      // never started: their settings do not fit together
  size_t interrupted = 0;  // not run, because of Ctrl-C
};

// "12 done, 1 failed, 3 skipped, 2 of these from an earlier batch"
std::string to_string(const BatchCounts& counts);

// 0: all done, or refused; 1: a run failed, crashed or timed out; 130: interrupted.
int exit_code(const BatchCounts& counts);

struct BatchWork {
  // Called in a child.
  std::function<StepReport(const StudyRun&)> simulate;
  // Called in the parent, before anything runs; the text of all that the run reads, for its
  // fingerprint. What it throws is as if it gave "": the run itself will say what is wrong.
  std::function<std::string(const StudyRun&)> input_text;
  // Called in the parent, before anything runs; why the run's settings do not fit
  // together, "" if they do. Optional: each is run.
  std::function<std::string(const StudyRun&)> refuse = nullptr;
  // Called in the parent as runs end; optional. The report is null where the run is not done.
  std::function<void(const StudyRun&, const Outcome&, const StepReport*)> on_finished = nullptr;
};

// Throws RunError when the results cannot be written.
BatchCounts run_batch(const std::vector<StudyRun>& runs, const BatchWork& work,
                      const BatchOptions& options);

}  // namespace moesim
