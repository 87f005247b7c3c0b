#include "batch/result_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "batch/result_row.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

// In one write, so that a row is there or is not.
void write_file(const fs::path& path, std::string_view text, int how) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
  bool good = fd >= 0;
  while (good && !text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    good = count > 0 || (count < 0 && errno == EINTR);
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  // A rename must not overtake the bytes of the file it renames.
  if (good && how == O_TRUNC) good = fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!good) throw RunError(fmt::format("cannot write {}: {}", path.string(), strerror(error)));
}

void replace_file(const fs::path& path, std::string_view text) {
  const fs::path temporary = path.parent_path() / ("." + path.filename().string() + ".new");
  write_file(temporary, text, O_TRUNC);
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw RunError(fmt::format("cannot write {}: {}", path.string(), error.message()));
}

StoredRun stored_run(const StudyRun& run, const std::string& fingerprint, const Outcome& outcome) {
  StoredRun stored;
  stored.run = {run.name,
                run.scenario_path,
                run.sets,
                fingerprint,
                to_string(outcome.status),
                outcome.wall_s,
                outcome.peak_rss_bytes,
                outcome.message};
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
    if (stored->run.status != to_string(lasting)) continue;
    kept_[run_index] = true;
    statuses_[run_index] = lasting;
    rows_[run_index] = result_row(keys_, runs_[run_index], *stored);
  }
}

StoredRun ResultStore::add(size_t run_index, const Outcome& outcome) {
  StoredRun stored = stored_run(runs_[run_index], fingerprints_[run_index], outcome);
  rows_[run_index] = result_row(keys_, runs_[run_index], stored);
  replace_file(json_path(run_index), stored_run_json(stored, json_));
  write_file(table_path(), rows_[run_index] + "\n", O_APPEND);
  return stored;
}

void ResultStore::rewrite_table() {
  std::string text = result_header(keys_) + "\n";
  for (const std::string& row : rows_) {
    if (!row.empty()) text += row + "\n";
  }
  replace_file(table_path(), text);
}

}  // namespace moesim
