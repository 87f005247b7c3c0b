#include "batch/result_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "batch/result_row.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

StoredRun stored_run(const StudyRun& run, const std::string& fingerprint, const Outcome& outcome) {
  StoredRun stored;
  stored.run = {
      run.name,       run.scenario_path,      run.sets,       fingerprint, spelling(outcome.status),
      outcome.wall_s, outcome.peak_rss_bytes, outcome.message};
  if (stored.is_done()) stored.report = unpacked<StepReport>(outcome.output);
  return stored;
}

StudyRun run_of(const StoredRun& stored) {
  return {stored.run.name, stored.run.scenario, stored.run.set};
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw InputError(fmt::format("cannot create {}: {}", folder.string(), error.message()));
  const std::string path = (folder / ".lock").string();
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) throw InputError(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  // A lock of the process: forked simulations do not inherit it, and the system frees it.
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(file_, F_SETLK, &whole) == 0) return;
  close(file_);
  throw InputError(fmt::format("another batch writes to {} just now: wait, or give another folder",
                               folder.string()));
}

FolderLock::~FolderLock() { close(file_); }

ResultStore::ResultStore(fs::path folder, std::vector<StudyRun> runs,
                         std::vector<std::string> fingerprints, const JsonOptions& json)
    : folder_(std::move(folder)),
      runs_(std::move(runs)),
      fingerprints_(std::move(fingerprints)),
      lock_(folder_),
      json_(json),
      rows_(runs_.size()),
      kept_(runs_.size(), false),
      statuses_(runs_.size(), Outcome::Status::interrupted) {
  MOESIM_CHECK(fingerprints_.size() == runs_.size(), "{} of {}", fingerprints_.size(),
               runs_.size());
  find_others();
  std::vector<StudyRun> all = runs_;
  for (const StoredRun& other : others_) all.push_back(run_of(other));
  keys_ = keys_set(all);
  for (size_t i = 0; i < runs_.size(); ++i) find_kept(i);
  rewrite_table();
}

void ResultStore::find_others() {
  std::set<fs::path> own;
  for (size_t i = 0; i < runs_.size(); ++i) own.insert(json_path(i));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().extension() == ".json" && !own.count(entry.path()))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files)
    if (auto stored = read_stored_run(file)) others_.push_back(std::move(*stored));
}

void ResultStore::find_kept(size_t run_index) {
  const auto stored = read_stored_run(json_path(run_index));
  const std::string& scenario = runs_[run_index].scenario_path;
  if (stored && !scenario.empty() && stored->run.scenario != scenario &&
      stored->run.fingerprint != fingerprints_[run_index])
    throw InputError(fmt::format("{} is of {}, not of {}: give another folder",
                                 json_path(run_index).string(), stored->run.scenario, scenario));
  if (!stored || stored->run.fingerprint != fingerprints_[run_index]) return;
  for (const Outcome::Status lasting :
       {Outcome::Status::done, Outcome::Status::failed, Outcome::Status::refused}) {
    if (stored->run.status != spelling(lasting)) continue;
    kept_[run_index] = true;
    statuses_[run_index] = lasting;
    rows_[run_index] = result_row(keys_, runs_[run_index], *stored);
  }
}

StoredRun ResultStore::add(size_t run_index, const Outcome& outcome) {
  StoredRun stored = stored_run(runs_[run_index], fingerprints_[run_index], outcome);
  rows_[run_index] = result_row(keys_, runs_[run_index], stored);
  replace_file(json_path(run_index).string(), stored_run_json(stored, json_));
  append_to_file(table_path().string(), rows_[run_index] + "\n");
  return stored;
}

void ResultStore::rewrite_table() {
  std::string text = result_header(keys_) + "\n";
  for (const std::string& row : rows_) {
    if (!row.empty()) text += row + "\n";
  }
  for (const StoredRun& other : others_) text += result_row(keys_, run_of(other), other) + "\n";
  replace_file(table_path().string(), text);
}

}  // namespace moesim
