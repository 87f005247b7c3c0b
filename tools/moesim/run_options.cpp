#include "run_options.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "batch/batch_input.hpp"
#include "batch/run_seeds.hpp"
#include "commands.hpp"
#include "config/text.hpp"
#include "outputs.hpp"
#include "report/json.hpp"
#include "run/run_step.hpp"

namespace moesim {

void add_simulate_options(CLI::App& command, SimulateOptions& options) {
  command.add_option("--seed", options.seed, "Seed of everything drawn at random")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--format", options.format, "table, json or csv, of one scenario")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->capture_default_str();
  command.add_flag(
      "!--no-machine-facts", options.machine_facts,
      "Leave out wall time and memory of the simulation, so that equal runs print equal bytes");
  command.add_flag("--strict", options.strict,
                   "Exit code 3 when the step does not fit in memory (one scenario)");
}

void add_batch_options(CLI::App& command, BatchRunOptions& options) {
  command.add_option("--jobs", options.jobs, "Runs at a time, of several")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      .add_option("--timeout", options.timeout_s,
                  "Seconds after which a run of several is stopped; 0 (default): never")
      ->check(CLI::NonNegativeNumber);
}

ProgressLine::ProgressLine() : active_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const std::string& text) {
  if (!active_) return;
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

namespace {

ResolvedScenario load(const StudyRun& run) {
  const std::string folder = std::filesystem::path(run.scenario_path).parent_path().string();
  return load_scenario(run.scenario_path, run.sets, default_search_path(folder));
}

// One line of the summary, from the JSON that the run printed; a long name, or message, takes more.
std::string summary_line(const StudyRun& run, const Outcome& outcome) {
  constexpr size_t kNameWidth = 30;
  if (outcome.status != Outcome::Status::done) {
    const std::string head = fmt::format("{:<{}} ", run.name, kNameWidth);
    return head +
           fold(fmt::format("{}: {}", to_string(outcome.status), outcome.message), head.size(), 4) +
           "\n";
  }
  const std::string name = run.name.size() <= kNameWidth
                               ? run.name
                               : fmt::format("{}\n{:>{}}", run.name, "", kNameWidth);
  const auto json = nlohmann::json::parse(outcome.output, nullptr, false);
  if (json.is_discarded()) return fmt::format("{:<{}} done\n", name, kNameWidth);
  return fmt::format("{:<{}} {:>10.4g} s {:>10.0f} tok/s/device  MFU {:>5.1f} %\n", name,
                     kNameWidth, json.value("step_time_s", 0.0),
                     json.value("tokens_per_s_per_device", 0.0), 100 * json.value("mfu", 0.0));
}

}  // namespace

int run_all(const std::vector<StudyRun>& runs, const std::vector<std::string>& sets,
            const SimulateOptions& simulate, const BatchRunOptions& options) {
  check_outputs({{Output::Kind::folder, "--out", options.out}});
  check_batch_input(runs, sets);
  ProgressLine progress;
  BatchWork work;
  work.simulate = [&](const StudyRun& run) {
    const Scenario scenario = load(run).scenario;
    if (scenario.runs > 1) {
      SeedOptions seeds;
      seeds.first_seed = simulate.seed;
      seeds.version = MOESIM_VERSION;
      seeds.json = {simulate.machine_facts};
      return seed_runs_json(run_seeds(scenario, seeds), simulate.seed);
    }
    RunOptions run_options;
    run_options.seed = simulate.seed;
    run_options.version = MOESIM_VERSION;
    return json_text(run_step(scenario, run_options).report, {simulate.machine_facts});
  };
  std::set<std::string> notes;
  work.input_text = [&](const StudyRun& run) {
    const ResolvedScenario resolved = load(run);
    const std::string& note = resolved.framework.note;
    if (!note.empty() && notes.insert(note).second) spdlog::info("{}", note);
    return input_text(resolved.scenario) + fmt::format("seed: {}\n", simulate.seed);
  };
  work.on_finished = [&](const StudyRun& run, const Outcome& outcome) {
    progress.clear();
    fmt::print("{}", summary_line(run, outcome));
    std::fflush(stdout);
  };
  BatchOptions batch;
  batch.out_folder = options.out;
  batch.version = MOESIM_VERSION;
  batch.pool.jobs = options.jobs;
  batch.pool.timeout_s = options.timeout_s;
  batch.pool.on_progress = [&](const Progress& state) { progress.show(to_string(state)); };
  const BatchCounts counts = run_batch(runs, work, batch);
  progress.clear();
  fmt::print(
      "{}\n",
      fold(fmt::format("{}; results in {}/results.csv", to_string(counts), options.out), 0, 2));
  return exit_code(counts);
}

}  // namespace moesim
