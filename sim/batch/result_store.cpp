#include "batch/result_store.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "batch/result_row.hpp"

namespace moesim {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

// Discarded (as the library calls it) when the file is not there or not JSON.
ordered_json read_json(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return ordered_json::parse(text, nullptr, false);
}

std::string text_at(const ordered_json& run, const char* key) {
  const auto found = run.find(key);
  return found != run.end() && found->is_string() ? found->get<std::string>() : "";
}

ordered_json to_json(const StudyRun& run, const std::string& fingerprint, const Outcome& outcome) {
  ordered_json result;
  // The message may quote bytes of a broken input: they are replaced where they are not UTF-8, when
  // dumped.
  result["run"] = {{"name", run.name},
                   {"scenario", run.scenario_path},
                   {"set", run.sets},
                   {"fingerprint", fingerprint},
                   {"status", to_string(outcome.status)},
                   {"wall_s", outcome.wall_s},
                   {"peak_rss_bytes", outcome.peak_rss_bytes},
                   {"message", outcome.message}};
  if (outcome.status != Outcome::Status::done) return result;
  const ordered_json output = ordered_json::parse(outcome.output, nullptr, false);
  if (!output.is_object())
    throw RunError(fmt::format("the output of run {} is not a JSON object", run.name));
  for (const auto& [key, value] : output.items()) {
    if (key != "run") result[key] = value;
  }
  return result;
}

}  // namespace

ResultStore::ResultStore(fs::path folder, std::vector<StudyRun> runs,
                         std::vector<std::string> fingerprints)
    : folder_(std::move(folder)),
      runs_(std::move(runs)),
      fingerprints_(std::move(fingerprints)),
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
  const ordered_json result = read_json(json_path(run_index));
  if (!result.is_object() || !result.contains("run") || !result["run"].is_object()) return;
  if (text_at(result["run"], "fingerprint") != fingerprints_[run_index]) return;
  const std::string status = text_at(result["run"], "status");
  for (const Outcome::Status lasting : {Outcome::Status::done, Outcome::Status::failed}) {
    if (status != to_string(lasting)) continue;
    kept_[run_index] = true;
    statuses_[run_index] = lasting;
    rows_[run_index] = result_row(keys_, runs_[run_index], result);
  }
}

void ResultStore::add(size_t run_index, const Outcome& outcome) {
  const ordered_json result = to_json(runs_[run_index], fingerprints_[run_index], outcome);
  rows_[run_index] = result_row(keys_, runs_[run_index], result);
  const std::string text =
      result.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  replace_file(json_path(run_index).string(), text);
  append_to_file(table_path().string(), rows_[run_index] + "\n");
}

void ResultStore::rewrite_table() {
  std::string text = result_header(keys_) + "\n";
  for (const std::string& row : rows_) {
    if (!row.empty()) text += row + "\n";
  }
  replace_file(table_path().string(), text);
}

}  // namespace moesim
