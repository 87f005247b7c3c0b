#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/diagnostics.hpp"
#include "commands.hpp"
#include "report/compare.hpp"

namespace moesim {

namespace {

NamedReport read_report_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return {path, text.str()};
}

}  // namespace

void add_compare_command(CLI::App& app, int& exit_code) {
  struct Options {
    std::vector<std::string> reports;
    double threshold_percent = -1;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "compare", "Prints JSON reports side by side: the settings that differ, then the figures");
  command
      ->add_option(
          "reports", options->reports,
          "JSON of `moesim run --format json`, two or more; all are held against the first")
      ->required()
      ->expected(2, 1'000);
  command->add_option(
      "--threshold", options->threshold_percent,
      "Exit code 4 when a step time differs from the first by more than this percentage");
  command->callback([options, &exit_code] {
    std::vector<NamedReport> reports;
    for (const std::string& path : options->reports) reports.push_back(read_report_file(path));
    const Comparison comparison = compare_reports(reports);
    fmt::print("{}", comparison.text);
    const auto over = [&](double change) {
      return std::abs(change) * 100 > options->threshold_percent;
    };
    exit_code =
        options->threshold_percent >= 0 && std::ranges::any_of(comparison.step_time_changes, over)
            ? kOverThreshold
            : kDone;
  });
}

}  // namespace moesim
