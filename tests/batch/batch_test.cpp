#include "batch/batch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>

#include "catch.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;

namespace {

std::vector<StudyRun> eight_runs() {
  return expand({.base = "s.yaml", .grid = {{"n", {"0", "1", "2", "3", "4", "5", "6", "7"}}}});
}

// Every simulation leaves a line in `folder`/simulated, so that a test can count them.
BatchWork counted_work(const std::filesystem::path& folder) {
  BatchWork work;
  work.simulate = [folder](const StudyRun& run) -> StepReport {
    std::ofstream(folder / "simulated", std::ios::app) << run.name << "\n";
    if (run.name == "n=3") throw std::runtime_error("three is no number of stages");
    StepReport report;
    report.step_time_s = std::stod(value_set(run, "n")) / 4;
    return report;
  };
  work.input_text = [](const StudyRun& run) { return "text of " + run.scenario_path; };
  return work;
}

size_t lines_of(const std::filesystem::path& path) {
  const std::string text = text_of(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

BatchOptions options_for(const TemporaryFolder& folder) {
  return {.out_folder = (folder.path() / "out").string(), .version = "1", .pool = {.jobs = 2}};
}

// Runs the batch in a process of its own, which sends itself a signal once three runs have ended;
// its wait status.
int run_and_signal(const BatchWork& plain_work, const BatchOptions& options, int number) {
  const pid_t program = fork();
  if (program == 0) {
    BatchWork work = plain_work;
    int ended = 0;
    work.on_finished = [&](const StudyRun&, const Outcome&, const StepReport*) {
      if (++ended == 3) kill(getpid(), number);
    };
    work.simulate = [simulate = plain_work.simulate](const StudyRun& run) {
      if (run.name > "n=4") std::this_thread::sleep_for(std::chrono::seconds(100));
      return simulate(run);
    };
    _exit(exit_code(run_batch(eight_runs(), work, options)));
  }
  int status = 0;
  waitpid(program, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("a batch runs all, and a rerun nothing") {
  const TemporaryFolder folder;
  const BatchWork work = counted_work(folder.path());
  const BatchCounts first = run_batch(eight_runs(), work, options_for(folder));
  CHECK(to_string(first) == "7 done, 1 failed");
  CHECK(exit_code(first) == 1);
  const std::string table = text_of(folder.path() / "out" / "results.csv");
  CHECK(table.find("\nn=5,5,done,") != std::string::npos);
  CHECK(table.find("three is no number of stages") != std::string::npos);

  const BatchCounts second = run_batch(eight_runs(), work, options_for(folder));
  CHECK(to_string(second) == "7 done, 1 failed, 8 of these from an earlier batch");
  CHECK(exit_code(second) == 1);
  CHECK(lines_of(folder.path() / "simulated") == 8);
  CHECK(text_of(folder.path() / "out" / "results.csv") == table);
}

TEST_CASE("the report of a run that is done reaches the caller and the table") {
  const TemporaryFolder folder;
  BatchWork work = counted_work(folder.path());
  std::map<std::string, double> step_s;
  size_t without = 0;
  work.on_finished = [&](const StudyRun& run, const Outcome&, const StepReport* report) {
    if (report)
      step_s[run.name] = report->step_time_s;
    else
      ++without;
  };
  run_batch(eight_runs(), work, options_for(folder));
  CHECK(step_s.size() == 7);
  CHECK(step_s["n=5"] == 1.25);
  CHECK(without == 1);
  CHECK(text_of(folder.path() / "out" / "results.csv").find(",1.25,") != std::string::npos);
}

TEST_CASE("another input or version is simulated again, another key only where it is new") {
  const TemporaryFolder folder;
  BatchWork work = counted_work(folder.path());
  BatchOptions options = options_for(folder);
  std::vector<StudyRun> runs = eight_runs();
  run_batch(runs, work, options);
  options.version = "2";
  CHECK(run_batch(runs, work, options).skipped == 0);
  work.input_text = [](const StudyRun&) { return std::string("edited"); };
  CHECK(run_batch(runs, work, options).skipped == 0);
  runs = expand({.base = "s.yaml", .grid = {{"n", {"9", "7", "8"}}}});
  CHECK(run_batch(runs, work, options).skipped == 1);
  CHECK(lines_of(folder.path() / "out" / "results.csv") == 1 + 3 + 7);  // 0 to 6 of before
}

TEST_CASE("a batch that was interrupted or killed goes on where it stopped") {
  for (const int number : {SIGINT, SIGKILL}) {
    const TemporaryFolder folder;
    const BatchWork work = counted_work(folder.path());
    const int status = run_and_signal(work, options_for(folder), number);
    if (number == SIGINT) {
      REQUIRE(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == 130);
    } else {
      CHECK(WIFSIGNALED(status));
    }
    const size_t kept = lines_of(folder.path() / "out" / "results.csv") - 1;
    CHECK(kept >= 3);
    CHECK(kept <= 5);

    const BatchCounts rest = run_batch(eight_runs(), work, options_for(folder));
    CHECK(rest.skipped == kept);
    CHECK(rest.done == 7);
    CHECK(rest.interrupted == 0);
    CHECK(lines_of(folder.path() / "out" / "results.csv") == 9);
  }
}

TEST_CASE("a crash is kept in the table and tried again by a rerun") {
  const TemporaryFolder folder;
  BatchWork work = counted_work(folder.path());
  const auto good = work.simulate;
  work.simulate = [good](const StudyRun& run) {
    if (run.name == "n=1") raise(SIGKILL);
    return good(run);
  };
  CHECK(to_string(run_batch(eight_runs(), work, options_for(folder))) ==
        "6 done, 1 failed, 1 crashed");
  CHECK(text_of(folder.path() / "out" / "results.csv").find("n=1,1,crashed,") != std::string::npos);
  work.simulate = good;
  CHECK(to_string(run_batch(eight_runs(), work, options_for(folder))) ==
        "7 done, 1 failed, 7 of these from an earlier batch");
}

TEST_CASE("progress counts what an earlier batch has done") {
  const TemporaryFolder folder;
  const BatchWork work = counted_work(folder.path());
  BatchOptions options = options_for(folder);
  std::vector<StudyRun> runs = eight_runs();
  run_batch({runs[0], runs[3]}, work, options);
  Progress last;
  options.pool.on_progress = [&](const Progress& progress) { last = progress; };
  run_batch(runs, work, options);
  CHECK(to_string(last) == "8/8 done, 1 not ok");
}

TEST_CASE("exit codes of a batch") {
  CHECK(exit_code({.done = 3}) == 0);
  CHECK(exit_code({.done = 3, .timed_out = 1}) == 1);
  CHECK(exit_code({.failed = 1, .interrupted = 1}) == 130);
}
