// One run of a batch as its file NAME.json keeps it: the report, with the circumstances of the run
// in an object "run" in front. A run that is not done has "run" only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "report/json.hpp"

namespace moesim {

struct RunHeader {
  std::string name, scenario;
  std::vector<std::string> set;
  std::string fingerprint;
  std::string status;  // as spelled for Outcome::Status
  double wall_s = 0;
  int64_t peak_rss_bytes = 0;  // of the run's process
  std::string message;
};

struct StoredRun {
  RunHeader run;
  StepReport report;

  bool is_done() const { return run.status == "done"; }
};

void visit(FigureVisitor& v, RunHeader& run);
void visit(FigureVisitor& v, StoredRun& stored);

std::string stored_run_json(const StoredRun& stored, const JsonOptions& options);
// Nothing where the file is not there or is not what stored_run_json writes.
std::optional<StoredRun> read_stored_run(const std::filesystem::path& path);

}  // namespace moesim
