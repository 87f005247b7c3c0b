#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "commands.hpp"
#include "explain/explain.hpp"
#include "logging.hpp"
#include "outputs.hpp"
#include "report/explanation.hpp"
#include "run_options.hpp"

namespace moesim {

namespace {

int run(const ExplainOptions& asked, const std::string& format) {
  check_outputs({{Output::Kind::folder, "--out", asked.folder}});
  ProgressLine progress;
  ExplainOptions options = asked;
  options.version = MOESIM_VERSION;
  options.pool.on_progress = [&](const Progress& state) { progress.show(to_string(state)); };
  const auto explanation = explain(options);
  progress.clear();
  if (!explanation) {
    if (!options.folder.empty())
      spdlog::info("interrupted; the same command goes on from {}", options.folder);
    return kInterrupted;
  }
  fmt::print("{}", format == "json" ? explanation_json(*explanation, MOESIM_VERSION)
                                    : explanation_table(*explanation));
  return kDone;
}

}  // namespace

void add_explain_command(CLI::App& app, int& exit_code) {
  struct Options {
    ExplainOptions explain;
    std::string format = "table";
    double percent = 10;
  };
  auto options = std::make_shared<Options>();
  options->explain.pool.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  auto* command = app.add_subcommand("explain",
                                     "What bounds a step: critical path, what-if by simulating "
                                     "again, the math beside the simulation");
  command->add_option("scenario", options->explain.scenario_path, "Scenario file")->required();
  command
      ->add_option("--set", options->explain.sets,
                   "Override a key, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--seed", options->explain.seed, "Seed of everything drawn at random")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--change", options->percent,
                   "Percent by which each quantity is made less and more")
      ->check(CLI::Range(0.1, 50.0))
      ->capture_default_str();
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command
      ->add_option("--jobs", options->explain.pool.jobs,
                   "Simulations at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--timeout", options->explain.pool.timeout_s,
                   "Seconds after which one simulation is stopped")
      ->check(CLI::NonNegativeNumber);
  command->add_option(
      "--out", options->explain.folder,
      "Folder that keeps the simulations; an interrupted explanation goes on from there");
  command->callback([options, &exit_code] {
    options->explain.change = options->percent / 100;
    exit_code = run(options->explain, options->format);
  });
}

}  // namespace moesim
