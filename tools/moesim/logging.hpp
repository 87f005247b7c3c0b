// Everything that goes to stderr: log lines with levels, problems of the input, progress. Results
// go to stdout and are no business of this.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace CLI {
class App;
}

namespace moesim {

// Sends spdlog's lines to stderr and adds --log-level, -q and -v, which hold before or behind the
// command.
void add_logging_options(CLI::App& app);

// Prints text that has a form of its own, such as the problems of an input, whatever the level.
void print_problems(const std::string& text);

// A line on stderr that overwrites itself; nothing with -q. Where stderr is no terminal, lines of a
// log: the first after 2 s, then after twice the time, and at least one a minute.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  bool active() const { return active_; }
  void show(const std::string& text);
  void clear();

 private:
  bool active_;
  bool is_terminal_;
  size_t width_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double next_s_ = 2;
};

}  // namespace moesim
