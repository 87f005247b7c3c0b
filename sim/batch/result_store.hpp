// Keeps what a batch leaves behind: a folder with one NAME.json per run and results.csv over all of
// them, those of earlier batches in the same folder included. One batch at a time writes to a
// folder. Every file is whole at every moment, whatever kills the program: a JSON file appears by
// rename, the table grows by one write per row and is written anew, from the JSON files, when a
// batch is resumed or complete.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "batch/process_pool.hpp"
#include "batch/stored_run.hpp"
#include "batch/sweep.hpp"

namespace moesim {

// Holds a folder for this process until it ends, however it ends.
class FolderLock {
 public:
  // Creates the folder where needed. Throws InputError when it cannot be written, or when another
  // process holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

class ResultStore {
 public:
  // Creates the folder where needed, finds the runs that it holds already, and writes the table of
  // those. fingerprints are those of the runs, in their order. Throws InputError when the folder
  // cannot be written, when another batch writes to it, or when it holds a run of the same name
  // from another scenario (runs without a scenario's file are named by what they are of).
  ResultStore(std::filesystem::path folder, std::vector<StudyRun> runs,
              std::vector<std::string> fingerprints, const JsonOptions& json = {});

  // Whether the outcome is there and would be the same again: of the same fingerprint, and done,
  // failed or skipped. A crash or a time-out depends on the machine and is tried again.
  bool has(size_t run_index) const { return kept_[run_index]; }
  // The status that an earlier batch left; only where has() is true.
  Outcome::Status status(size_t run_index) const { return statuses_[run_index]; }

  // Keeps an outcome, whose output is a packed report: the JSON file, then a row of the table.
  // Throws RunError when it cannot be written. Returns what it kept.
  StoredRun add(size_t run_index, const Outcome& outcome);
  // Writes the table anew, in the order of the runs.
  void rewrite_table();

  std::filesystem::path table_path() const { return folder_ / "results.csv"; }
  std::filesystem::path json_path(size_t run_index) const {
    return folder_ / (runs_[run_index].name + ".json");
  }

 private:
  void find_kept(size_t run_index);
  // Finds the runs of earlier batches that are not among these.
  void find_others();

  std::filesystem::path folder_;
  std::vector<StudyRun> runs_;
  std::vector<std::string> fingerprints_;
  std::vector<StoredRun> others_;
  FolderLock lock_;
  JsonOptions json_;
  std::vector<std::string> keys_;
  std::vector<std::string>
      rows_;  // lines of the table, by run; empty where there is no outcome yet
  std::vector<bool> kept_;
  std::vector<Outcome::Status> statuses_;
};

}  // namespace moesim
