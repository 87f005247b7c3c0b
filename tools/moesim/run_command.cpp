#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/diagnostics.hpp"
#include "batch/run_seeds.hpp"
#include "batch/study_file.hpp"
#include "commands.hpp"
#include "logging.hpp"
#include "outputs.hpp"
#include "report/csv.hpp"
#include "report/distribution.hpp"
#include "report/json.hpp"
#include "report/kernels.hpp"
#include "report/table.hpp"
#include "run/known_band.hpp"
#include "run_options.hpp"
#include "timeline.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> scenarios, sets;
  SimulateOptions simulate;
  BatchRunOptions batch;
  TimelineOptions timeline;
  int runs = 0;      // 0: as the scenario says
  bool ops = false;  // the kernels of the step instead of its report
};

constexpr double kLongStep = 24 * 3600;  // s; longer than any step that somebody trains with

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// "simulating 42 %, 8.3 s of the step, 12 s left", a few times a second.
std::function<void(double, double)> progress_printer(ProgressLine& line) {
  if (!line.active()) return nullptr;
  return [&line, begin = Clock::now(), last = 0.0](double done, double simulated_s) mutable {
    const double elapsed = seconds_since(begin);
    if (elapsed - last < 0.2) return;
    last = elapsed;
    // Before a hundredth is done, what is left is a guess.
    const std::string left =
        done > 0.01 ? fmt::format(", {:.0f} s left", elapsed * (1 - done) / done) : "";
    line.show(
        fmt::format("simulating {:.0f} %, {:.3g} s of the step{}", 100 * done, simulated_s, left));
  };
}

void print_report(const StepReport& report, const SimulateOptions& options) {
  const JsonOptions json{options.machine_facts};
  if (options.format == "json")
    fmt::print("{}", json_text(report, json));
  else if (options.format == "csv")
    fmt::print("{}", csv_text(report, json));
  else
    fmt::print("{}", table_text(report));
}

// Several seeds of one scenario: the median run, and the spread below it.
int run_several_seeds(const Scenario& scenario, const Options& options) {
  const std::string& path = options.scenarios[0];
  if (!options.timeline.file.empty())
    throw InputError("--trace is for one run, not for several seeds");
  if (options.simulate.most_time_s > 0)
    throw InputError("--max-time is for one run: --timeout limits each of several seeds");
  ProgressLine line;
  SeedOptions seeds;
  seeds.first_seed = options.simulate.seed;
  seeds.version = MOESIM_VERSION;
  seeds.pool.jobs = options.batch.jobs;
  seeds.pool.timeout_s = options.batch.timeout_s;
  seeds.pool.on_progress = [&line](const Progress& state) { line.show(to_string(state)); };
  auto median = run_seeds(scenario, seeds);
  line.clear();
  if (!median) return kInterrupted;
  median->band = known_band(scenario, path, median->step_time_s);
  print_report(*median, options.simulate);
  if (options.simulate.format == "table")
    fmt::print("{}", distribution_table(*median->runs, median->seed));
  return options.simulate.strict && !median->fits() ? kInfeasible : kDone;
}

// Ends the process after so many seconds, wherever it is; 0: never.
void stop_after(double seconds) {
  if (seconds <= 0) return;
  std::signal(SIGALRM, [](int) {
    constexpr char message[] = "error: given up: --max-time is over\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, message, sizeof message - 1);
    _exit(kRunFailed);
  });
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec = static_cast<suseconds_t>((seconds - std::floor(seconds)) * 1e6);
  setitimer(ITIMER_REAL, &timer, nullptr);
}

int run_one(const Options& options) {
  const std::string& path = options.scenarios[0];
  const ResolvedScenario resolved = load_scenario(path, options.sets);
  for (const std::string& note : resolved.notes) spdlog::info("{}", note);
  if (resolved.scenario.runs > 1) return run_several_seeds(resolved.scenario, options);
  std::signal(SIGINT, [](int) { _exit(kInterrupted); });
  stop_after(options.simulate.most_time_s);
  ProgressLine line;
  line.show("lowering");
  RunOptions run;
  run.seed = options.simulate.seed;
  run.version = MOESIM_VERSION;
  run.most_memory_bytes = options.simulate.most_memory_bytes();
  run.on_progress = progress_printer(line);
  run.before_simulation = [&](const LoweredProgram& lowered) {
    const Program& program = lowered.program();
    spdlog::debug("{}: {} blocks of {} templates, {:.0f} tasks on {} simulated ranks", path,
                  program.blocks.size(), program.templates.size(), program.task_count(),
                  program.simulated_ranks);
    if (!options.timeline.file.empty()) timeline_ranks(lowered, options.timeline.ranks);
  };
  RunResult result = run_step(resolved.scenario, run);
  line.clear();
  result.report.band = known_band(resolved.scenario, path, result.report.step_time_s);
  const std::vector<KernelRow> kernels = kernel_rows(result.lowered->program());
  const double step_s = result.report.step_time_s;
  if (options.ops)
    fmt::print("{}", options.simulate.format == "json" ? kernel_rows_json(kernels)
                                                       : kernel_rows_table(kernels, step_s));
  else
    print_report(result.report, options.simulate);
  if (step_s > kLongStep)
    spdlog::warn(
        "the step takes {:.0f} h: are all bandwidths and rates given with their units, as in "
        "50 GB/s?",
        step_s / 3600);
  if (const std::string unlike = unmeasured_kernels(kernels, step_s); !unlike.empty())
    spdlog::warn("{}", unlike);
  std::fflush(stdout);
  spdlog::debug("simulated in {:.2f} s", result.report.simulation.wall_s);
  if (!options.timeline.file.empty()) write_timeline(result, options.timeline);
  return options.simulate.strict && !result.report.fits() ? kInfeasible : kDone;
}

// Folders stand for the scenarios in them, by name; studies among them are left out.
std::vector<std::string> scenario_files(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    if (!fs::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(argument))
      if (entry.is_regular_file() && entry.path().extension() == ".yaml" &&
          !is_study(entry.path().string()))
        found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.empty()) throw InputError("no scenario (*.yaml) in what was named");
  return files;
}

void refuse_studies(const std::vector<std::string>& files) {
  Problems problems;
  for (const std::string& path : files)
    if (!fs::is_directory(path) && is_study(path))
      problems.add({path}, "", "is a study, not a scenario: moesim sweep " + path);
  if (!problems.empty()) throw InputError(std::move(problems));
}

int run(const Options& options) {
  refuse_studies(options.scenarios);
  const bool batch = options.scenarios.size() > 1 || fs::is_directory(options.scenarios[0]) ||
                     !options.batch.out.empty();
  if (!batch) {
    check_outputs({{Output::Kind::file, "--trace", options.timeline.file}});
    return run_one(options);
  }
  if (!options.timeline.file.empty()) throw InputError("--trace is for one scenario without --out");
  if (options.ops) throw InputError("--ops is for one scenario without --out");
  if (options.simulate.most_time_s > 0)
    throw InputError(
        "--max-time is for one scenario without --out: --timeout limits each of several");
  BatchRunOptions folder = options.batch;
  if (folder.out.empty()) folder.out = "results";
  return run_all(runs_of(scenario_files(options.scenarios), options.sets), options.sets,
                 options.simulate, folder);
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  options->batch.out.clear();
  auto* command =
      app.add_subcommand("run", "Simulates scenarios: prints one, or writes many to a folder");
  command->add_option("scenario", options->scenarios, "Scenario files, or folders of them")
      ->required();
  command->add_option("--set", options->sets, "Override a key, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  add_assume_option(*command, options->sets);
  add_simulate_options(*command, options->simulate);
  add_batch_options(*command, options->batch);
  command
      ->add_option("--runs", options->runs,
                   "Runs with seeds of their own: the spread of the step time (as key runs)")
      ->check(CLI::Range(1, 100'000));
  command->add_flag(
      "--ops", options->ops,
      "Print the kernels of the step by shape instead of the report: FLOPs, how often "
      "a device runs each, share of peak, time");
  command->add_option("--out", options->batch.out,
                      "Folder for one JSON per run and results.csv; finished runs in it are not "
                      "repeated (default for several "
                      "scenarios: results)");
  command->add_option("--trace", options->timeline.file,
                      "Write a timeline for Perfetto; gzip when it ends in .gz");
  command->add_option("--trace-ranks", options->timeline.ranks,
                      "Ranks to draw, as in 0,8, or all (default: one of each stage, or of each "
                      "node without stages; at most 16)");
  command
      ->add_option("--trace-level", options->timeline.level,
                   "phase: blocks; task: kernels and transfers with arrows and link counters; "
                   "flow: arrows from four senders instead of the largest")
      ->check(CLI::IsMember({"phase", "task", "flow"}))
      ->capture_default_str();
  command->callback([options, &exit_code] {
    if (options->runs > 0) options->sets.push_back(fmt::format("runs={}", options->runs));
    exit_code = run(*options);
  });
}

}  // namespace moesim
