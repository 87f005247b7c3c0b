#include "batch/process_pool.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;
using Status = Outcome::Status;

namespace {

Job job(std::function<std::string()> work) { return {"job", std::move(work)}; }

void sleep_s(double duration_s) {
  std::this_thread::sleep_for(std::chrono::duration<double>(duration_s));
}

double run_seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Catch2 and the sanitizers catch these; a child of the program does not.
std::string die_of(int number) {
  signal(number, SIG_DFL);
  raise(number);
  return "survived";
}

}  // namespace

TEST_CASE("results come back in the order of the jobs, whoever ends first") {
  std::vector<Job> jobs;
  for (int i = 0; i < 6; ++i) {
    jobs.push_back(job([i] {
      sleep_s(0.05 * (6 - i));
      return "result " + std::to_string(i);
    }));
  }
  std::vector<size_t> finished;
  const PoolResult result =
      run_jobs(jobs, {.jobs = 6}, [&](size_t index, const Outcome&) { finished.push_back(index); });
  CHECK_FALSE(result.interrupted);
  REQUIRE(result.outcomes.size() == 6);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(result.outcomes[i].status == Status::done);
    CHECK(result.outcomes[i].output == "result " + std::to_string(i));
    CHECK(result.outcomes[i].message.empty());
    CHECK(result.outcomes[i].wall_s > 0);
    CHECK(result.outcomes[i].peak_rss_bytes > 100'000);
  }
  REQUIRE(finished.size() == 6);
  CHECK(finished.front() > finished.back());
}

TEST_CASE("an exception in a job is its outcome") {
  const PoolResult result =
      run_jobs({job([]() -> std::string { throw std::runtime_error("no such plan"); }),
                job([]() -> std::string { throw InputError("two\nproblems"); }),
                job([]() -> std::string { throw 3; })},
               {.jobs = 2});
  for (const Outcome& outcome : result.outcomes) {
    CHECK(outcome.status == Status::failed);
    CHECK(outcome.output.empty());
  }
  CHECK(result.outcomes[0].message == "no such plan");
  CHECK(result.outcomes[1].message == "two\nproblems");
  CHECK(result.outcomes[2].message == "unknown exception");
}

TEST_CASE("a crash is that job's outcome and stops no other") {
  const PoolResult result = run_jobs({job([] { return die_of(SIGSEGV); }),  //
                                      job([] { return std::string("fine"); }), job([] {
                                        signal(SIGABRT, SIG_DFL);
                                        MOESIM_CHECK(false, "tasks = {}", 7);
                                        return std::string();
                                      }),
                                      job([]() -> std::string { _exit(3); }),  //
                                      job([] { return std::string("fine too"); })},
                                     {.jobs = 2});
  CHECK(result.outcomes[0].status == Status::crashed);
  CHECK(result.outcomes[0].message == "killed by SIGSEGV (Segmentation fault)");
  CHECK(result.outcomes[1].output == "fine");
  CHECK(result.outcomes[2].status == Status::crashed);
  CHECK(result.outcomes[2].message.find("killed by SIGABRT (Aborted): ") == 0);
  CHECK(result.outcomes[2].message.find("internal error: false (tasks = 7)") != std::string::npos);
  CHECK(result.outcomes[3].status == Status::crashed);
  CHECK(result.outcomes[3].message == "exited with code 3 and no result");
  CHECK(result.outcomes[4].output == "fine too");
}

TEST_CASE("a job past its time is killed, the others go on") {
  PoolResult result;
  const double wall_s = run_seconds([&] {
    result = run_jobs({job([] {
                         sleep_s(100);
                         return std::string();
                       }),
                       job([]() -> std::string {
                         while (true) printf("a log without end\n");
                       }),
                       job([] { return std::string("quick"); })},
                      {.jobs = 2, .timeout_s = 0.3});
  });
  CHECK(wall_s < 10);
  CHECK(result.outcomes[0].status == Status::timed_out);
  CHECK(result.outcomes[0].message == "timed out after 0.3 s");
  CHECK(result.outcomes[0].wall_s >= 0.3);
  CHECK(result.outcomes[1].status == Status::timed_out);
  CHECK(result.outcomes[1].log.size() <= 65536);
  CHECK(result.outcomes[2].output == "quick");
}

TEST_CASE("results larger than a pipe, of any bytes") {
  const auto bytes = [](char seed) {
    std::string text(10'000'000, seed);
    for (size_t i = 0; i < text.size(); i += 3) text[i] = static_cast<char>(i % 251);
    return text;
  };
  std::vector<Job> jobs;
  for (char seed = 'a'; seed < 'e'; ++seed) jobs.push_back(job([=] { return bytes(seed); }));
  jobs.push_back(job([] { return std::string(); }));
  const PoolResult result = run_jobs(jobs, {.jobs = 3});
  for (size_t i = 0; i < 4; ++i)
    CHECK((result.outcomes[i].output == bytes(static_cast<char>('a' + i))));
  CHECK(result.outcomes[4].status == Status::done);
  CHECK(result.outcomes[4].output.empty());
}

TEST_CASE("what a job prints is its log, not ours") {
  const PoolResult result = run_jobs({job([] {
                                       printf("to stdout\n");
                                       fprintf(stderr, "to stderr\n");
                                       for (int i = 0; i < 100'000; ++i)
                                         fprintf(stderr, "line %d\n", i);
                                       return std::string("ok");
                                     })},
                                     {});
  CHECK(result.outcomes[0].status == Status::done);
  CHECK(result.outcomes[0].log.size() == 65536);
  CHECK(result.outcomes[0].log.find("line 99999\n") != std::string::npos);
}

TEST_CASE("no more jobs at a time than allowed, and that many") {
  // Each job tells when it began and ended; the clock is the same in all processes.
  const auto now = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
  const std::vector<Job> jobs(6, job([now] {
                                const auto begin = now();
                                sleep_s(0.2);
                                return std::to_string(begin) + " " + std::to_string(now());
                              }));
  for (const int allowed : {1, 3}) {
    std::vector<std::pair<long long, int>> changes;
    for (const Outcome& outcome : run_jobs(jobs, {.jobs = allowed}).outcomes) {
      const size_t space = outcome.output.find(' ');
      changes.push_back({std::stoll(outcome.output), +1});
      changes.push_back({std::stoll(outcome.output.substr(space)), -1});
    }
    std::sort(changes.begin(), changes.end());
    int running = 0, most = 0;
    for (const auto& [time, change] : changes) most = std::max(most, running += change);
    CHECK(most == allowed);
  }
}

TEST_CASE("progress counts up to the total") {
  std::vector<Progress> seen;
  PoolOptions options{.jobs = 1,
                      .on_progress = [&](const Progress& progress) { seen.push_back(progress); }};
  run_jobs({job([] { return std::string(); }), job([]() -> std::string { throw std::bad_alloc(); }),
            job([] {
              sleep_s(1.2);
              return std::string();
            })},
           options);
  REQUIRE(seen.size() >= 4);  // each end, and at least one tick during the third
  for (size_t i = 1; i < seen.size(); ++i) CHECK(seen[i].done >= seen[i - 1].done);
  CHECK(seen.back().done == 3);
  CHECK(seen.back().not_ok == 1);
  CHECK(seen.back().running == 0);
  CHECK(seen.back().left_s == 0);
}

TEST_CASE("the progress line") {
  CHECK(to_string(Progress{0, 4, 0, 2, 1.0, -1}) == "0/4 done, 2 running");
  CHECK(to_string(Progress{12, 40, 1, 2, 85.7, 200.2}) ==
        "12/40 done, 1 not ok, 2 running, 3 min 20 s left");
  CHECK(to_string(Progress{12, 40, 0, 2, 85.7, 7320}) == "12/40 done, 2 running, 2 h 2 min left");
  CHECK(to_string(Progress{40, 40, 0, 0, 85.7, 0}) == "40/40 done");
}

TEST_CASE("an exception out of a callback stops the children") {
  const double wall_s = run_seconds([] {
    CHECK_THROWS_AS(run_jobs({job([] { return std::string(); }), job([] {
                                sleep_s(100);
                                return std::string();
                              })},
                             {.jobs = 2},
                             [](size_t, const Outcome&) { throw std::runtime_error("disk full"); }),
                    std::runtime_error);
  });
  CHECK(wall_s < 10);
}

TEST_CASE("Ctrl-C stops the children and keeps what is done") {
  // A child of its own plays the program; the write end of alive is held by it and by its jobs.
  int alive[2];
  REQUIRE(pipe(alive) == 0);
  const pid_t program = fork();
  if (program == 0) {
    const auto forever = job([] {
      sleep_s(1000);
      return std::string();
    });
    const auto stop_me = [](size_t, const Outcome&) { kill(getpid(), SIGINT); };
    const PoolResult result = run_jobs(
        {job([] { return std::string("kept"); }), forever, forever, forever}, {.jobs = 2}, stop_me);
    const auto& outcomes = result.outcomes;
    const bool right = result.interrupted && outcomes[0].output == "kept" &&
                       outcomes[1].status == Status::interrupted &&
                       outcomes[1].message == "interrupted" &&
                       outcomes[3].message == "not started: interrupted";
    _exit(right ? 130 : 1);
  }
  close(alive[1]);
  int status = 0;
  REQUIRE(waitpid(program, &status, 0) == program);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  char byte;
  CHECK(read(alive[0], &byte, 1) == 0);  // nobody holds it any more
  close(alive[0]);
}

TEST_CASE("children die with the program") {
  int alive[2];
  REQUIRE(pipe(alive) == 0);
  const pid_t program = fork();
  if (program == 0) {
    const auto die_while_two_run = [](size_t, const Outcome&) { kill(getpid(), SIGKILL); };
    const auto forever = job([] {
      sleep_s(1000);
      return std::string();
    });
    run_jobs({forever, forever, job([] { return std::string(); })}, {.jobs = 3}, die_while_two_run);
    _exit(0);
  }
  close(alive[1]);
  int status = 0;
  REQUIRE(waitpid(program, &status, 0) == program);
  CHECK(WIFSIGNALED(status));
  char byte;
  CHECK(read(alive[0], &byte, 1) == 0);
  close(alive[0]);
}
