#include "batch/result_store.hpp"

#include <fmt/format.h>

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

}  // namespace

ResultStore::ResultStore(fs::path folder, std::vector<StudyRun> runs,
                         std::vector<std::string> fingerprints, const JsonOptions& json)
    : folder_(std::move(folder)),
      runs_(std::move(runs)),
      fingerprints_(std::move(fingerprints)),
      json_(json),
      keys_(keys_set(runs_)),
      rows_(runs_.size()),
      kept_(runs_.size(), false),
      statuses_(runs_.size(), Outcome::Status::interrupted) {
  MOESIM_CHECK(fingerprints_.size() == runs_.size(), "{} of {}", fingerprints_.size(),
               runs_.size());
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw RunError(fmt::format("cannot create {}: {}", folder_.string(), error.message()));
  for (size_t i = 0; i < runs_.size(); ++i) find_kept(i);
  rewrite_table();
}

void ResultStore::find_kept(size_t run_index) {
  const auto stored = read_stored_run(json_path(run_index));
  if (!stored || stored->run.fingerprint != fingerprints_[run_index]) return;
  for (const Outcome::Status lasting : {Outcome::Status::done, Outcome::Status::failed}) {
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
  replace_file(table_path().string(), text);
}

}  // namespace moesim
