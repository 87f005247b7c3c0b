#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "batch/study_file.hpp"
#include "batch/versus.hpp"
#include "batch/versus_report.hpp"
#include "commands.hpp"
#include "logging.hpp"
#include "outputs.hpp"

namespace moesim {

namespace {

struct Options {
  std::string study, format = "table", picture;
  VersusOptions versus;
};

int run(const Options& asked) {
  check_outputs({{Output::Kind::file, "--picture", asked.picture}});
  ProgressLine line;
  VersusOptions options = asked.versus;
  options.version = MOESIM_VERSION;
  options.pool.on_progress = [&line](const Progress& progress) {
    if (line.active()) line.show(to_string(progress));
  };
  const Versus result = versus(load_study(asked.study), options);
  line.clear();
  if (result.interrupted) return kInterrupted;
  fmt::print("{}", asked.format == "json" ? versus_json(result) : versus_table(result));
  bool any = false, broken = false;
  for (const VersusRun& one : result.base) {
    any = any || one.done();
    broken = broken || one.broken;
  }
  const LinePlot plot = versus_plot(result);
  if (!asked.picture.empty() && plot.lines.empty()) {
    spdlog::warn("{}: not written: no varied setting has numbers on both machines", asked.picture);
  } else if (!asked.picture.empty()) {
    replace_file(asked.picture, line_plot_svg(plot));
    spdlog::info("{}: tokens per joule over each varied setting", asked.picture);
  }
  return any ? kDone : broken ? kRunFailed : kInfeasible;
}

}  // namespace

void add_versus_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "versus", "Sets machines side by side, GPUs and wafers: speed, power, memory, what binds");
  command
      ->add_option("study", options->study,
                   "Study file: its list names the machines, its grid what is varied, one setting "
                   "at a time")
      ->required();
  command
      ->add_option("--set", options->versus.sets,
                   "Override a key on every machine; what is varied comes after it")
      ->allow_extra_args(false);
  command->add_option("--picture", options->picture, "Picture to write, such as versus.svg");
  command->add_option("--jobs", options->versus.pool.jobs, "Simulations at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--timeout", options->versus.pool.timeout_s, "Seconds for one run; 0: any")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--seed", options->versus.seed, "Seed of everything drawn at random")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
