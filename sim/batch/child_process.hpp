// One piece of work in one forked child: the simulator allows one simulation per process, and
// whatever the work does to its process (abort, segmentation fault, endless loop) stays there. The
// result comes back as bytes over a pipe; what the child prints, on stdout or stderr, is kept as
// its log. Knows nothing about simulations, queues or time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace moesim {

class ChildProcess {
 public:
  enum class End {
    returned,  // text is what the work returned
    threw,     // text is what the exception said
    died       // text is how, e.g. "killed by SIGSEGV (Segmentation fault)"
  };
  struct Result {
    End end = End::died;
    std::string text;
    std::string log;             // the last 64 KiB of what it printed
    int64_t peak_rss_bytes = 0;  // of the child, pages shared with its parent included
  };

  // Forks. The child is in a process group of its own, so that Ctrl-C at the terminal reaches the
  // parent alone, and dies with its parent. Throws RunError when the system has no process or pipe
  // left.
  explicit ChildProcess(const std::function<std::string()>& work);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills what still runs.
  ~ChildProcess();

  // To poll for input; the log's is -1 once the child has closed it.
  int result_fd() const { return result_fd_; }
  int log_fd() const { return log_fd_; }

  // Takes what the pipes hold, without waiting. True when the child has ended and wait() will not
  // block.
  bool read_available();
  void kill();
  // Collects the ended child; call once.
  Result wait();

 private:
  void close_pipes();

  pid_t pid_ = -1;
  int result_fd_ = -1;
  int log_fd_ = -1;
  std::string frame_;  // a byte telling returned from threw, then the text
  std::string log_;
};

// The last line of a log that is not blank.
std::string last_line(std::string_view log);

}  // namespace moesim
