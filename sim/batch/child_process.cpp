#include "batch/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "base/diagnostics.hpp"

namespace moesim {
namespace {

constexpr size_t log_limit_bytes = 64 << 10;
constexpr size_t read_chunk_bytes = 64 << 10;  // the default capacity of a Linux pipe
// Per call, so that a child that never stops printing cannot hold the parent; 1 MiB, the most that
// a pipe holds unless the administrator allows more.
constexpr int read_chunks = 16;
constexpr char returned_mark = 'R', threw_mark = 'T';

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      throw RunError(fmt::format("no pipe for a child process: {}", strerror(errno)));
    read_end = ends[0];
    write_end = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_write();
    if (read_end >= 0) close(read_end);
  }
  void close_write() {
    if (write_end >= 0) close(std::exchange(write_end, -1));
  }
  int release_read() { return std::exchange(read_end, -1); }
};

// False when the reader is gone.
bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

void settle_into_child(pid_t parent, int log_fd) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // the parent died before the line above
  for (int number : {SIGINT, SIGTERM, SIGPIPE, SIGCHLD}) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // A background group that reads the terminal would be stopped.
  if (const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC); nothing >= 0)
    dup2(nothing, STDIN_FILENO);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
}

[[noreturn]] void run_child(const std::function<std::string()>& work, int result_fd) {
  std::string text;
  char mark = returned_mark;
  try {
    text = work();
  } catch (const std::exception& error) {
    mark = threw_mark;
    text = error.what();
  } catch (...) {
    mark = threw_mark;
    text = "unknown exception";
  }
  fflush(nullptr);
  const bool delivered = write_all(result_fd, {&mark, 1}) && write_all(result_fd, text);
  _exit(delivered ? 0 : 1);  // no destructors or exit handlers of the parent's objects
}

// Appends what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  char chunk[read_chunk_bytes];
  for (int i = 0; i < read_chunks; ++i) {
    const ssize_t count = read(fd, chunk, sizeof chunk);
    if (count == 0) return false;
    if (count > 0) {
      into.append(chunk, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
  }
  return true;
}

void keep_tail(std::string& log) {
  if (log.size() > log_limit_bytes) log.erase(0, log.size() - log_limit_bytes);
}

std::string how_it_died(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    const char* name = sigabbrev_np(number);
    return fmt::format("killed by SIG{} ({})", name ? name : std::to_string(number),
                       strsignal(number));
  }
  return fmt::format("exited with code {} and no result", WEXITSTATUS(status));
}

}  // namespace

ChildProcess::ChildProcess(const std::function<std::string()>& work) {
  Pipe result, log;
  // Bytes that wait in a buffer would be printed by both.
  fflush(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw RunError(fmt::format("cannot start a child process: {}", strerror(errno)));
  if (pid_ == 0) {
    settle_into_child(parent, log.write_end);
    log.close_write();
    run_child(work, result.write_end);
  }
  setpgid(pid_, pid_);  // here too: a kill of the group may come before the child has run
  result_fd_ = result.release_read();
  log_fd_ = log.release_read();
  for (int fd : {result_fd_, log_fd_}) fcntl(fd, F_SETFL, O_NONBLOCK);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      result_fd_(std::exchange(other.result_fd_, -1)),
      log_fd_(std::exchange(other.log_fd_, -1)),
      frame_(std::move(other.frame_)),
      log_(std::move(other.log_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close_pipes();
}

bool ChildProcess::read_available() {
  if (log_fd_ >= 0) {
    if (!drain(log_fd_, log_)) close(std::exchange(log_fd_, -1));
    keep_tail(log_);
  }
  return !drain(result_fd_, frame_);
}

void ChildProcess::kill() {
  if (::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);
}

ChildProcess::Result ChildProcess::wait() {
  MOESIM_CHECK(pid_ > 0, "waited twice");
  int status = 0;
  rusage usage{};
  while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  read_available();
  close_pipes();

  Result result;
  result.log = std::move(log_);
  result.peak_rss_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  // A child that delivered everything, and only such a one, exits with 0.
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || frame_.empty()) {
    result.text = how_it_died(status);
    return result;
  }
  result.end = frame_.front() == returned_mark ? End::returned : End::threw;
  frame_.erase(0, 1);
  result.text = std::move(frame_);
  return result;
}

void ChildProcess::close_pipes() {
  for (int* fd : {&result_fd_, &log_fd_}) {
    if (*fd >= 0) close(std::exchange(*fd, -1));
  }
}

std::string last_line(std::string_view log) {
  while (!log.empty() && (log.back() == '\n' || log.back() == '\r' || log.back() == ' '))
    log.remove_suffix(1);
  const size_t newline = log.rfind('\n');
  return std::string(newline == std::string_view::npos ? log : log.substr(newline + 1));
}

}  // namespace moesim
