#include "batch/batch.hpp"

#include <fmt/format.h>

#include "batch/result_store.hpp"

namespace moesim {
namespace {

std::string fingerprint_of(const StudyRun& run, const BatchWork& work, const std::string& version) {
  std::string text;
  try {
    text = work.input_text(run);
  } catch (const std::exception&) {
    text.clear();
  }
  return fingerprint(text, run.sets, version);
}

void count(BatchCounts& counts, Outcome::Status status) {
  using Status = Outcome::Status;
  counts.done += status == Status::done;
  counts.failed += status == Status::failed;
  counts.crashed += status == Status::crashed;
  counts.timed_out += status == Status::timed_out;
  counts.refused += status == Status::refused;
  counts.interrupted += status == Status::interrupted;
}

}  // namespace

BatchCounts run_batch(const std::vector<StudyRun>& runs, const BatchWork& work,
                      const BatchOptions& options) {
  std::vector<std::string> fingerprints;
  for (const StudyRun& run : runs)
    fingerprints.push_back(fingerprint_of(run, work, options.version));
  ResultStore store(options.out_folder, runs, fingerprints, options.json);

  BatchCounts counts;
  std::vector<size_t> run_of_job;
  std::vector<Job> jobs;
  size_t ended = 0, ended_not_ok = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (store.has(i)) {
      ++counts.skipped, ++ended;
      count(counts, store.status(i));
      if (store.status(i) == Outcome::Status::failed) ++ended_not_ok;
      continue;
    }
    if (const std::string why = work.refuse ? work.refuse(runs[i]) : ""; !why.empty()) {
      Outcome outcome;
      outcome.status = Outcome::Status::refused;
      outcome.message = why;
      store.add(i, outcome);
      count(counts, outcome.status);
      ++ended;
      continue;
    }
    run_of_job.push_back(i);
    jobs.push_back({runs[i].name, [&run = runs[i], &work] { return packed(work.simulate(run)); }});
  }

  PoolOptions pool = options.pool;
  if (options.pool.on_progress) {
    pool.on_progress = [&](Progress progress) {
      progress.done += ended;
      progress.total += ended;
      progress.not_ok += ended_not_ok;
      options.pool.on_progress(progress);
    };
  }
  const PoolResult result = run_jobs(jobs, pool, [&](size_t job, Outcome& outcome) {
    const StoredRun stored = store.add(run_of_job[job], outcome);
    if (work.on_finished)
      work.on_finished(runs[run_of_job[job]], outcome, stored.is_done() ? &stored.report : nullptr);
    outcome.output = {};
    outcome.log = {};
  });
  for (const Outcome& outcome : result.outcomes) count(counts, outcome.status);
  store.rewrite_table();
  return counts;
}

std::string to_string(const BatchCounts& counts) {
  std::string text = fmt::format("{} done", counts.done);
  const auto add = [&](size_t count, const char* what) {
    if (count > 0) text += fmt::format(", {} {}", count, what);
  };
  add(counts.failed, "failed");
  add(counts.crashed, "crashed");
  add(counts.timed_out, "timed out");
  add(counts.interrupted, "not run (interrupted)");
  add(counts.refused, "skipped");
  add(counts.skipped, "of these from an earlier batch");
  return text;
}

int exit_code(const BatchCounts& counts) {
  if (counts.interrupted > 0) return 130;
  return counts.failed + counts.crashed + counts.timed_out > 0 ? 1 : 0;
}

}  // namespace moesim
