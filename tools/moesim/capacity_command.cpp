#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "capacity/capacity.hpp"
#include "capacity/capacity_report.hpp"
#include "commands.hpp"
#include "logging.hpp"
#include "outputs.hpp"

namespace moesim {

namespace {

int run(const std::string& path, const CapacityOptions& asked, const std::string& format) {
  check_outputs({{Output::Kind::folder, "--out", asked.folder}});
  const CapacityStudy study(path);
  ProgressLine line;
  CapacityOptions options = asked;
  options.version = MOESIM_VERSION;
  options.on_progress = [&line](const std::string& text) { line.show(text); };
  const CapacityResult result = plan_capacity(study, path, options);
  line.clear();
  if (result.interrupted) {
    if (!asked.folder.empty())
      spdlog::info("interrupted; the same command goes on from {}", asked.folder);
    return kInterrupted;
  }
  if (result.stored > 0)
    spdlog::info("{} of {} rows come from {}", result.stored, result.rows.size(), asked.folder);
  fmt::print("{}", format == "json" ? capacity_json(result) : capacity_table(result));
  return result.best ? kDone : kInfeasible;
}

}  // namespace

void add_capacity_command(CLI::App& app, int& exit_code) {
  struct Options {
    std::string path, format = "table";
    CapacityOptions capacity;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "capacity", "Compares machines for a whole training: days, money, energy, what binds");
  command->add_option("file", options->path, "Capacity file")->required();
  command->add_option("--out", options->capacity.folder,
                      "Folder that keeps what was simulated; a second call does not repeat it");
  command
      ->add_option("--time", options->capacity.time_s,
                   "Seconds for the estimates of all candidates together (default: as the file "
                   "says)")
      ->check(CLI::PositiveNumber);
  command->add_option("--jobs", options->capacity.jobs, "Simulations at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seed", options->capacity.seed, "Seed of everything drawn at random")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] {
    exit_code = run(options->path, options->capacity, options->format);
  });
}

}  // namespace moesim
