// Simulations in child processes: SimGrid allows one per process, and a test case that walks a grid
// needs many.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "batch/process_pool.hpp"

namespace moesim {

// What each returned, in order; "failed: why" or "crashed: why" for those that did not.
inline std::vector<std::string> in_children(std::vector<std::function<std::string()>> works,
                                            int at_once = 2) {
  std::vector<Job> jobs;
  for (auto& work : works) jobs.push_back({"child", std::move(work)});
  PoolOptions options;
  options.jobs = at_once;
  options.timeout_s = 120;
  std::vector<std::string> results;
  for (const Outcome& outcome : run_jobs(jobs, options).outcomes)
    results.push_back(
        outcome.status == Outcome::Status::done
            ? outcome.output
            : fmt::format("{}: {}\n{}", to_string(outcome.status), outcome.message, outcome.log));
  return results;
}

// The same for work that gives numbers. A child that fails gives no numbers, and its reason as
// `error`.
struct Numbers {
  std::vector<double> values;
  std::string error;
  double at(size_t index) const { return index < values.size() ? values[index] : -1; }
};

inline std::vector<Numbers> numbers_in_children(
    const std::vector<std::function<std::vector<double>()>>& works) {
  std::vector<std::function<std::string()>> texts;
  for (const auto& work : works)
    texts.push_back([work] {
      std::string text = "ok";
      for (const double value : work()) text += fmt::format(" {:.17g}", value);
      return text;
    });
  std::vector<Numbers> results;
  for (const std::string& text : in_children(std::move(texts))) {
    Numbers& numbers = results.emplace_back();
    std::istringstream stream(text);
    std::string ok;
    stream >> ok;
    if (ok != "ok") {
      numbers.error = text;
      continue;
    }
    for (double value; stream >> value;) numbers.values.push_back(value);
  }
  return results;
}

}  // namespace moesim
