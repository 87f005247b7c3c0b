#include "batch/result_store.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "batch/result_row.hpp"
#include "catch.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;
using Status = Outcome::Status;

namespace {

const std::vector<StudyRun> runs = {{"ep=1", "s.yaml", {"plan.ep=1"}},
                                    {"ep=2", "s.yaml", {"plan.ep=2"}},
                                    {"ep=4", "s.yaml", {"plan.ep=4"}}};
const std::vector<std::string> fingerprints = {"f1", "f2", "f4"};

Outcome done(double step_time_s) {
  StepReport report;
  report.step_time_s = step_time_s;
  return {.status = Status::done, .output = packed(report), .wall_s = 0.5};
}
Outcome not_done(Status status) { return {.status = status, .message = "why", .wall_s = 0.5}; }

size_t lines_of(const std::filesystem::path& path) {
  const std::string text = text_of(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a run's file is its report with its circumstances in front") {
  const TemporaryFolder folder;
  ResultStore store(folder.path() / "new" / "results", runs, fingerprints);
  const StoredRun kept = store.add(1, done(1.5));
  CHECK(kept.is_done());
  CHECK(kept.report.step_time_s == 1.5);
  const auto result = nlohmann::ordered_json::parse(text_of(store.json_path(1)));
  CHECK(result["run"]["name"] == "ep=2");
  CHECK(result["run"]["scenario"] == "s.yaml");
  CHECK(result["run"]["set"][0] == "plan.ep=2");
  CHECK(result["run"]["status"] == "done");
  CHECK(result["run"]["wall_s"] == 0.5);
  CHECK(result["step_time_s"] == 1.5);
  CHECK(result.begin().key() == "run");
  CHECK(read_stored_run(store.json_path(1))->report.step_time_s == 1.5);
}

TEST_CASE("the table grows as runs end and is put in order at the end") {
  const TemporaryFolder folder;
  ResultStore store(folder.path(), runs, fingerprints);
  CHECK(text_of(store.table_path()) == result_header({"plan.ep"}) + "\n");
  store.add(2, done(2));
  store.add(0, not_done(Status::crashed));
  const std::string grown = text_of(store.table_path());
  CHECK(grown.find("ep=4,4,done,0.5") < grown.find("ep=1,1,crashed,0.5"));
  store.rewrite_table();
  const std::string ordered = text_of(store.table_path());
  CHECK(ordered.find("ep=4,4,done,0.5") > ordered.find("ep=1,1,crashed,0.5"));
  CHECK(grown.size() == ordered.size());
}

TEST_CASE("a later store keeps done and failed runs of the same fingerprint") {
  const TemporaryFolder folder;
  {
    ResultStore store(folder.path(), runs, fingerprints);
    store.add(0, done(0.25));
    store.add(1, not_done(Status::failed));
    store.add(2, not_done(Status::timed_out));
  }
  const ResultStore again(folder.path(), runs, fingerprints);
  CHECK(again.has(0));
  CHECK(again.status(0) == Status::done);
  CHECK(again.has(1));
  CHECK(again.status(1) == Status::failed);
  CHECK_FALSE(again.has(2));
  CHECK(lines_of(again.table_path()) == 3);

  const ResultStore other(folder.path(), runs, {"f1", "other", "f4"});
  CHECK(other.has(0));
  CHECK_FALSE(other.has(1));
  CHECK(lines_of(other.table_path()) == 2);
}

TEST_CASE("files that a kill or a user left in a bad state are not trusted") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "ep=1.json") << "{\"run\": {\"fingerprint\": \"f1\", \"stat";
  std::ofstream(folder.path() / "ep=2.json") << "[1, 2]";
  std::ofstream(folder.path() / "ep=4.json")
      << "{\"run\": {\"fingerprint\": 4, \"status\": [\"done\"]}}";
  std::ofstream(folder.path() / "results.csv") << "half a li";
  const ResultStore store(folder.path(), runs, fingerprints);
  for (size_t i = 0; i < runs.size(); ++i) CHECK_FALSE(store.has(i));
  CHECK(text_of(store.table_path()) == result_header({"plan.ep"}) + "\n");
}

TEST_CASE("facts of the machine can be left out of the files") {
  const TemporaryFolder folder;
  ResultStore store(folder.path(), runs, fingerprints, {.machine_facts = false});
  store.add(0, done(1));
  const auto result = nlohmann::ordered_json::parse(text_of(store.json_path(0)));
  CHECK(result["simulation"]["wall_s"].is_null());
  CHECK(result["run"]["wall_s"] == 0.5);
}

TEST_CASE("messages with bytes that are not UTF-8 are kept as far as they can be") {
  const TemporaryFolder folder;
  ResultStore store(folder.path(), runs, fingerprints);
  Outcome outcome = not_done(Status::failed);
  outcome.message = "bad \xff\xfe byte";
  store.add(0, outcome);
  CHECK(ResultStore(folder.path(), runs, fingerprints).has(0));
}

TEST_CASE("what cannot be written is an error") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "file") << "in the way";
  CHECK_THROWS_AS(ResultStore(folder.path() / "file", runs, fingerprints), InputError);
  ResultStore store(folder.path() / "results", runs, fingerprints);
  const Outcome broken{.status = Status::done, .output = "not JSON"};
  CHECK_THROWS_WITH(store.add(0, broken), "the result of a process cannot be read");
  std::filesystem::remove_all(folder.path() / "results");
  CHECK_THROWS_AS(store.add(0, done(1)), RunError);
}

TEST_CASE("another study in the folder drops nothing of the first, and has no run of its name") {
  const TemporaryFolder folder;
  {
    ResultStore store(folder.path(), runs, fingerprints);
    store.add(0, done(1));
    store.add(1, done(2));
  }
  const std::vector<StudyRun> others = {{"pp=2", "s.yaml", {"plan.pp=2"}}};
  ResultStore second(folder.path(), others, {"g"});
  second.add(0, done(3));
  second.rewrite_table();
  const std::string table = text_of(second.table_path());
  CHECK(table.starts_with("name,plan.pp,plan.ep,status"));
  CHECK(table.find("\npp=2,2,,done") != std::string::npos);
  CHECK(table.find("\nep=1,,1,done") != std::string::npos);
  CHECK(table.find("\nep=2,,2,done") != std::string::npos);
  CHECK(lines_of(second.table_path()) == 4);
  const std::vector<StudyRun> same_name = {{"ep=1", "t.yaml", {"plan.ep=1"}}};
  CHECK_THROWS_AS(ResultStore(folder.path(), same_name, {"h"}), InputError);
}

TEST_CASE("a folder is held by one process, until that ends") {
  const TemporaryFolder folder;
  int ready[2], finish[2];
  REQUIRE(pipe(ready) == 0);
  REQUIRE(pipe(finish) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const FolderLock lock(folder.path());
    char byte = 'x';
    const bool told = write(ready[1], &byte, 1) == 1 && read(finish[0], &byte, 1) == 1;
    _exit(told ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  CHECK_THROWS_AS(FolderLock(folder.path()), InputError);
  REQUIRE(write(finish[1], &byte, 1) == 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK_NOTHROW(FolderLock(folder.path()));
}
