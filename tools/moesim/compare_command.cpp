#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/diagnostics.hpp"
#include "commands.hpp"
#include "report/compare.hpp"

namespace moesim {

namespace {

NamedReport read_report(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return {path, text.str()};
}

}  // namespace

void add_compare_command(CLI::App& app, int& exit_code) {
  struct Options {
    std::string before, after;
    double threshold_percent = -1;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("compare", "Prints two JSON reports of run side by side");
  command->add_option("before", options->before, "JSON of `moesim run --format json`")->required();
  command->add_option("after", options->after, "The other one")->required();
  command->add_option("--threshold", options->threshold_percent,
                      "Exit code 4 when the step times differ by more than so many percent");
  command->callback([options, &exit_code] {
    const Comparison comparison =
        compare_reports(read_report(options->before), read_report(options->after));
    fmt::print("{}", comparison.text);
    const bool over = options->threshold_percent >= 0 &&
                      std::abs(comparison.step_time_change) * 100 > options->threshold_percent;
    exit_code = over ? kOverThreshold : kDone;
  });
}

}  // namespace moesim
