#include "batch/process_pool.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <list>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "batch/child_process.hpp"

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double progress_period_s = 1;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

volatile sig_atomic_t stop_requested = 0;
void request_stop(int) { stop_requested = 1; }

// Holds SIGINT and SIGTERM back except inside ppoll, so that none slips in between the test of the
// flag and the wait.
class StopSignals {
 public:
  StopSignals() {
    stop_requested = 0;
    sigset_t held;
    sigemptyset(&held);
    for (int number : {SIGINT, SIGTERM}) sigaddset(&held, number);
    sigprocmask(SIG_BLOCK, &held, &before_);
    struct sigaction action {};
    action.sa_handler = request_stop;
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
    // Whoever started us may have had SIGCHLD ignored, which makes children impossible to wait for.
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, &old_child_);
    while_waiting_ = before_;
    for (int number : {SIGINT, SIGTERM}) sigdelset(&while_waiting_, number);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
    sigaction(SIGCHLD, &old_child_, nullptr);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  const sigset_t* while_waiting() const { return &while_waiting_; }
  bool requested() const { return stop_requested != 0; }

 private:
  sigset_t before_{}, while_waiting_{};
  struct sigaction old_int_ {
  }, old_term_{}, old_child_{};
};

Outcome outcome_of(ChildProcess::Result result) {
  Outcome outcome;
  outcome.log = std::move(result.log);
  outcome.peak_rss_bytes = result.peak_rss_bytes;
  switch (result.end) {
    case ChildProcess::End::returned:
      outcome.status = Outcome::Status::done;
      outcome.output = std::move(result.text);
      break;
    case ChildProcess::End::threw:
      outcome.status = Outcome::Status::failed;
      outcome.message = std::move(result.text);
      break;
    case ChildProcess::End::died:
      outcome.status = Outcome::Status::crashed;
      outcome.message = std::move(result.text);
      if (const std::string line = last_line(outcome.log); !line.empty())
        outcome.message += ": " + line;
      break;
  }
  return outcome;
}

class Pool {
 public:
  Pool(const std::vector<Job>& jobs, const PoolOptions& options, const OnFinished& on_finished)
      : jobs_(jobs), options_(options), on_finished_(on_finished) {
    MOESIM_CHECK(options.jobs >= 1, "jobs = {}", options.jobs);
    result_.outcomes.resize(jobs.size());
    for (Outcome& outcome : result_.outcomes) outcome.message = "not started: interrupted";
  }

  PoolResult run() {
    while (done_ < jobs_.size()) {
      if (signals_.requested()) {
        interrupt();
        break;
      }
      start_jobs();
      if (!running_.empty()) wait_for_input();
      collect();
      if (seconds_since(reported_) >= progress_period_s) report();
    }
    return std::move(result_);
  }

 private:
  struct Running {
    size_t index;
    Clock::time_point start;
    ChildProcess child;
  };

  void start_jobs() {
    while (next_ < jobs_.size() && running_.size() < static_cast<size_t>(options_.jobs)) {
      const size_t index = next_++;
      try {
        running_.push_back({index, Clock::now(), ChildProcess(jobs_[index].work)});
      } catch (const RunError& error) {
        Outcome outcome;
        outcome.status = Outcome::Status::failed;
        outcome.message = error.what();
        finish(index, std::move(outcome));
      }
    }
  }

  double time_left_s(const Running& running) const {
    return options_.timeout_s > 0 ? options_.timeout_s - seconds_since(running.start) : INFINITY;
  }

  void wait_for_input() {
    double wait_s = std::max(0.0, progress_period_s - seconds_since(reported_));
    std::vector<pollfd> fds;
    for (const Running& running : running_) {
      wait_s = std::min(wait_s, std::max(0.0, time_left_s(running)));
      fds.push_back({running.child.result_fd(), POLLIN, 0});
      fds.push_back({running.child.log_fd(), POLLIN, 0});  // poll skips a negative one
    }
    timespec wait{};
    wait.tv_sec = static_cast<time_t>(wait_s);
    wait.tv_nsec = static_cast<long>((wait_s - std::floor(wait_s)) * 1e9);
    ppoll(fds.data(), fds.size(), &wait,
          signals_.while_waiting());  // an interrupted wait is as good as any
  }

  void collect() {
    for (auto running = running_.begin(); running != running_.end();) {
      std::optional<Outcome> outcome = ended(*running);
      if (!outcome) {
        ++running;
        continue;
      }
      const size_t index = running->index;
      outcome->wall_s = seconds_since(running->start);
      running = running_.erase(running);
      finish(index, std::move(*outcome));
    }
  }

  std::optional<Outcome> ended(Running& running) const {
    if (running.child.read_available()) return outcome_of(running.child.wait());
    if (time_left_s(running) > 0) return std::nullopt;
    running.child.kill();
    Outcome outcome = outcome_of(running.child.wait());
    // It may have been faster than the kill.
    if (outcome.status == Outcome::Status::crashed) {
      outcome.status = Outcome::Status::timed_out;
      outcome.message = fmt::format("timed out after {:g} s", options_.timeout_s);
    }
    return outcome;
  }

  void finish(size_t index, Outcome outcome) {
    ++done_;
    if (outcome.status != Outcome::Status::done) ++not_ok_;
    result_.outcomes[index] = std::move(outcome);
    if (on_finished_) on_finished_(index, result_.outcomes[index]);
    report();
  }

  void interrupt() {
    result_.interrupted = true;
    for (Running& running : running_) {
      running.child.kill();
      running.child.wait();
      Outcome& outcome = result_.outcomes[running.index];
      outcome.message = "interrupted";
      outcome.wall_s = seconds_since(running.start);
    }
    running_.clear();
  }

  void report() {
    reported_ = Clock::now();
    if (!options_.on_progress) return;
    Progress progress{done_, jobs_.size(), not_ok_, running_.size(), seconds_since(start_)};
    const double left = static_cast<double>(jobs_.size() - done_);
    if (done_ > 0) progress.left_s = progress.elapsed_s / static_cast<double>(done_) * left;
    options_.on_progress(progress);
  }

  const std::vector<Job>& jobs_;
  const PoolOptions& options_;
  const OnFinished& on_finished_;
  StopSignals
      signals_;  // outlives the children, so that they are stopped before an old handler may act
  PoolResult result_;
  std::list<Running> running_;
  size_t next_ = 0, done_ = 0, not_ok_ = 0;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point reported_ = start_;
};

std::string duration_text(double duration_s) {
  const long seconds = std::lround(duration_s);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

}  // namespace

std::string to_string(const Progress& progress) {
  std::string text = fmt::format("{}/{} done", progress.done, progress.total);
  if (progress.not_ok > 0) text += fmt::format(", {} not ok", progress.not_ok);
  if (progress.running > 0) text += fmt::format(", {} running", progress.running);
  if (progress.left_s >= 0 && progress.done < progress.total)
    text += ", " + duration_text(progress.left_s) + " left";
  return text;
}

PoolResult run_jobs(const std::vector<Job>& jobs, const PoolOptions& options,
                    const OnFinished& on_finished) {
  return Pool(jobs, options, on_finished).run();
}

}  // namespace moesim
