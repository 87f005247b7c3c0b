#include "run_options.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "batch/batch_input.hpp"
#include "batch/merge_results.hpp"
#include "batch/ranking.hpp"
#include "batch/run_seeds.hpp"
#include "commands.hpp"
#include "logging.hpp"
#include "outputs.hpp"
#include "run/process_facts.hpp"
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
  command
      .add_option("--max-memory", options.most_memory_gb,
                  "GB that a simulation may take: what will need more is refused before it starts "
                  "(default: what the machine has)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-time", options.most_time_s,
                  "Seconds after which the simulation of one scenario is given up")
      ->check(CLI::PositiveNumber);
}

double SimulateOptions::most_memory_bytes() const {
  return most_memory_gb > 0 ? most_memory_gb * 1e9 : physical_memory_bytes();
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

void add_assume_option(CLI::App& command, std::vector<std::string>& sets,
                       const std::string& prefix) {
  const auto take = [&sets, prefix](const std::vector<std::string>& given) {
    for (const std::string& text : given) {
      if (!text.starts_with("like=") || text.size() == 5) return false;
      sets.push_back(prefix + text);
    }
    return true;
  };
  command
      .add_option("--assume", take,
                  "like=TYPE: read a HuggingFace config whose model_type is not known as one of "
                  "TYPE")
      ->type_name("TEXT")
      ->expected(1);
}

namespace {

// One line of the summary; a long name, or message, takes more.
std::string summary_line(const StudyRun& run, const Outcome& outcome, const StepReport* report) {
  constexpr size_t kNameWidth = 18;
  if (report == nullptr) {
    const std::string head = fmt::format("{:<{}} ", run.name, kNameWidth);
    return head +
           fold(fmt::format("{}: {}", spelling(outcome.status), outcome.message), head.size(), 4) +
           "\n";
  }
  const std::string name = run.name.size() <= kNameWidth
                               ? run.name
                               : fmt::format("{}\n{:>{}}", run.name, "", kNameWidth);
  const std::string memory = memory_words(*report);
  return fmt::format("{:<{}} {:>9.4g} s {:>8.0f} tok/s/device MFU {:>4.1f} %{}\n", name, kNameWidth,
                     report->step_time_s, report->tokens_per_s_per_device, 100 * report->mfu,
                     memory.empty() ? "" : "  " + memory);
}

// Why the settings of a run do not fit together, though each can be read; "" where one cannot,
// which the run will say itself.
std::string misfit(const StudyRun& run, const InputError& error) {
  try {
    const std::string folder = std::filesystem::path(run.scenario_path).parent_path().string();
    load_unchecked_scenario(run.scenario_path, run.sets, default_search_path(folder));
  } catch (const InputError&) {
    return "";
  }
  const Problem& problem = error.problems().items().front();
  return problem.path.empty() ? problem.message : problem.path + ": " + problem.message;
}

// The last screen of a study.
void print_ranking(const std::vector<StudyRun>& runs, const std::string& base,
                   const BatchRunOptions& options) {
  constexpr size_t kMostLines = 20;
  std::vector<StoredRun> stored;
  for (const StudyRun& run : runs)
    if (auto kept = read_stored_run(std::filesystem::path(options.out) / (run.name + ".json")))
      stored.push_back(std::move(*kept));
  fmt::print("{}", ranking_table(stored, base, kMostLines));
}

}  // namespace

int run_all(const std::vector<StudyRun>& runs, const std::vector<std::string>& sets,
            const SimulateOptions& simulate, const BatchRunOptions& options) {
  check_outputs({{Output::Kind::folder, "--out", options.out}});
  check_batch_input(runs, sets);
  ProgressLine progress;
  BatchWork work;
  work.simulate = [&](const StudyRun& run) -> StepReport {
    const Scenario scenario = load_scenario(run.scenario_path, run.sets).scenario;
    if (scenario.runs > 1) {
      SeedOptions seeds;
      seeds.first_seed = simulate.seed;
      seeds.version = MOESIM_VERSION;
      auto median = run_seeds(scenario, seeds);
      if (!median) throw RunError("interrupted");
      return std::move(*median);
    }
    RunOptions run_options;
    run_options.seed = simulate.seed;
    run_options.version = MOESIM_VERSION;
    run_options.most_memory_bytes = simulate.most_memory_bytes();
    return run_step(scenario, run_options).report;
  };
  std::set<std::string> notes;
  const bool study = !options.base.empty();
  std::map<std::string, std::string> misfits;  // by run
  std::string base_text, base_name;
  if (study) try {
      base_text = input_text(load_scenario(options.base, sets).scenario);
    } catch (const InputError&) {  // the base alone need not be sound
    }
  work.input_text = [&](const StudyRun& run) {
    try {
      const ResolvedScenario resolved = load_scenario(run.scenario_path, run.sets);
      for (const std::string& note : resolved.notes)
        if (notes.insert(note).second) spdlog::info("{}", note);
      const std::string text = input_text(resolved.scenario);
      if (study && base_name.empty() && text == base_text) base_name = run.name;
      return text + fmt::format("seed: {}\n", simulate.seed);
    } catch (const InputError& error) {
      if (study) misfits[run.name] = misfit(run, error);
      throw;
    }
  };
  work.refuse = [&](const StudyRun& run) {
    const auto found = misfits.find(run.name);
    return found == misfits.end() ? "" : found->second;
  };
  work.on_finished = [&](const StudyRun& run, const Outcome& outcome, const StepReport* report) {
    progress.clear();
    fmt::print("{}", summary_line(run, outcome, report));
    std::fflush(stdout);
  };
  BatchOptions batch;
  batch.out_folder = options.out;
  batch.version = MOESIM_VERSION;
  batch.json = {simulate.machine_facts};
  batch.pool.jobs = options.jobs;
  batch.pool.timeout_s = options.timeout_s;
  batch.pool.on_progress = [&](const Progress& state) { progress.show(to_string(state)); };
  const BatchCounts counts = run_batch(runs, work, batch);
  progress.clear();
  if (study) {
    write_order(options.out, options.order);
    print_ranking(runs, base_name, options);
  }
  fmt::print(
      "{}\n",
      fold(fmt::format("{}; results in {}/results.csv", to_string(counts), options.out), 0, 2));
  if (study && counts.refused == runs.size() && runs.size() == options.order.size()) {
    spdlog::error("no run of the study has settings that fit together");
    return kBadInput;
  }
  return exit_code(counts);
}

}  // namespace moesim
