// Runs jobs, each in a forked child process, a few at a time. A job that throws, crashes or takes
// too long has that as its outcome and stops no other. Ctrl-C stops the children and gives back
// what is done. One thread, one poll loop; knows nothing about what the jobs compute or where their
// results go.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/spelling.hpp"

namespace moesim {

struct Job {
  std::string name;
  std::function<std::string()>
      work;  // runs in the child; its result may be of any size and hold any bytes
};

struct Outcome {
  enum class Status {
    done,
    failed,       // the work threw
    crashed,      // the child ended without a result: killed by a signal, or it called exit
    timed_out,    // killed by the pool
    refused,      // never started: its settings do not fit together
    interrupted,  // stopped, or never started, because of Ctrl-C
  };
  Status status = Status::interrupted;
  std::string output;   // what the work returned; empty unless done
  std::string message;  // why it is not done; empty if it is
  std::string log;      // the end of what the job printed, on stdout or stderr
  double wall_s = 0;
  int64_t peak_rss_bytes = 0;
};

inline constexpr auto kStatuses = spell<Outcome::Status::interrupted>(
    "done", "failed", "crashed", "timed_out", "skipped", "interrupted");
constexpr const auto& enum_names(Outcome::Status) { return kStatuses; }

struct Progress {
  size_t done = 0;  // ended in any way
  size_t total = 0;
  size_t not_ok = 0;  // of the done: failed, crashed or timed out
  size_t running = 0;
  double elapsed_s = 0;
  double left_s = -1;  // at the rate so far; negative while nothing is done
};

// "12/40 done, 1 not ok, 2 running, 3 min 20 s left".
std::string to_string(const Progress& progress);

struct PoolOptions {
  int jobs = 1;                                                // children at a time
  double timeout_s = 0;                                        // per job; 0: none
  std::function<void(const Progress&)> on_progress = nullptr;  // when a job ends, and every second
};

struct PoolResult {
  std::vector<Outcome> outcomes;  // in the order of the jobs
  bool interrupted = false;       // by SIGINT or SIGTERM; the program should exit with 130
};

using OnFinished = std::function<void(size_t job_index, Outcome& outcome)>;

// Jobs start in order. on_finished is called in the parent as jobs end, in the order they do, but
// not for interrupted ones; it may take the output away, so that many large ones are not held until
// all are done. An exception out of a callback stops the children and passes on. While it runs,
// SIGINT and SIGTERM are its own.
PoolResult run_jobs(const std::vector<Job>& jobs, const PoolOptions& options,
                    const OnFinished& on_finished = nullptr);

}  // namespace moesim
