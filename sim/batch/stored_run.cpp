#include "batch/stored_run.hpp"

#include <fstream>
#include <iterator>

namespace moesim {

void visit(FigureVisitor& v, RunHeader& run) {
  v({"name", "name of the run, and of its file"}, run.name);
  v({"scenario", "the scenario's file"}, run.scenario);
  v({"set", "settings laid over it, as \"plan.ep=16\""}, run.set);
  v({"fingerprint", "changes with anything that the result depends on"}, run.fingerprint);
  v({"status", "done, failed, crashed, timed_out or skipped", Shown::plain, kResults}, run.status);
  v({"wall_s", "wall time of the run's process", Shown::seconds, kResults}, run.wall_s);
  v({"peak_rss_bytes", "memory of the run's process", Shown::bytes}, run.peak_rss_bytes);
  v({"message", "why the run is not done; else empty"}, run.message);
}

void visit(FigureVisitor& v, StoredRun& stored) {
  v.section({"run", "the circumstances of the run"}, stored.run);
  if (stored.is_done()) visit(v, stored.report);
}

std::string stored_run_json(const StoredRun& stored, const JsonOptions& options) {
  return figures_json(figures_of(stored), options);
}

std::optional<StoredRun> read_stored_run(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  StoredRun stored;
  const ReadFigures read = read_figures(text, [&](FigureVisitor& v) { visit(v, stored); });
  if (!read.is_object || stored.run.status.empty()) return std::nullopt;
  if (stored.is_done() && !read.given.count("step_time_s")) return std::nullopt;
  return stored;
}

}  // namespace moesim
