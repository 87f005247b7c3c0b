#include "logging.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace moesim {

void add_logging_options(CLI::App& app) {
  spdlog::set_default_logger(spdlog::stderr_color_st("moesim"));
  spdlog::set_pattern("%^%l%$: %v");
  auto* level = app.add_option_function<std::string>(
      "--log-level",
      [](const std::string& name) { spdlog::set_level(spdlog::level::from_str(name)); },
      "Least level of the lines on stderr: debug, info (default), warning, error or off");
  level->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}));
  auto* quiet = app.add_flag_callback(
      "-q,--quiet", [] { spdlog::set_level(spdlog::level::err); },
      "Errors alone on stderr, and no progress");
  auto* verbose = app.add_flag_callback(
      "-v,--verbose", [] { spdlog::set_level(spdlog::level::debug); },
      "Also what the program does, on stderr");
  quiet->excludes(verbose)->excludes(level);
  verbose->excludes(level);
  app.fallthrough();  // commands inherit it: the options hold behind them too
}

void print_problems(const std::string& text) { fmt::print(stderr, "{}\n", text); }

ProgressLine::ProgressLine()
    : active_(spdlog::should_log(spdlog::level::info)), is_terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const std::string& text) {
  if (!active_) return;
  if (!is_terminal_) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    if (passed.count() < next_s_) return;
    next_s_ = passed.count() + std::min(60.0, passed.count());
    spdlog::info("{}", text);
    return;
  }
  fmt::print(stderr, "\r{:<{}}", text, width_);
  std::fflush(stderr);
  width_ = text.size();
}

void ProgressLine::clear() {
  if (!active_ || width_ == 0) return;
  fmt::print(stderr, "\r{:<{}}\r", "", width_);
  std::fflush(stderr);
  width_ = 0;
}

}  // namespace moesim
