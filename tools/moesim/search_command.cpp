#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "logging.hpp"
#include "outputs.hpp"
#include "run_options.hpp"
#include "search/search.hpp"
#include "search/search_report.hpp"

namespace moesim {

namespace {

struct Options {
  std::string scenario, workload, platform;
  int gpus = 0, global_batch = 1024, sequence_length = 4096;
  std::vector<std::string> sets;
  std::string free, out, format = "table";
  SearchOptions search;
};

// The scenario of `--workload W --platform P --gpus N`.
std::string scenario_of(const Options& options) {
  const auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
  return fmt::format(
      "workload: {}\nplatform: {{base: {}, gpus: {}}}\nbatch: {{global_batch: {}, "
      "sequence_length: {}}}\n",
      quoted(options.workload), quoted(options.platform), options.gpus, options.global_batch,
      options.sequence_length);
}

LoadMapping loader(const Options& options) {
  const std::string name = options.scenario.empty() ? "search.yaml" : options.scenario;
  auto files = std::make_shared<MemoryFiles>(
      options.scenario.empty() ? std::map<std::string, std::string>{{name, scenario_of(options)}}
                               : std::map<std::string, std::string>{},
      &disk_files());
  return [files, name, given = options.sets](const std::vector<std::string>& sets) {
    std::vector<std::string> all = given;
    all.insert(all.end(), sets.begin(), sets.end());
    return load_scenario(name, all, *files).scenario;
  };
}

void check(const Options& options) {
  if (options.scenario.empty() &&
      (options.workload.empty() || options.platform.empty() || options.gpus == 0))
    throw InputError("give a scenario, or --workload, --platform and --gpus");
  if (!options.scenario.empty() && !(options.workload.empty() && options.platform.empty()))
    throw InputError("--workload and --platform are for a search without a scenario");
  check_outputs({{Output::Kind::file, "--out", options.out}});
}

int run(Options& options) {
  check(options);
  if (!options.free.empty()) options.search.free = parse_axes(options.free);
  const LoadMapping load = loader(options);
  const Scenario base = load({});
  if (options.scenario.empty())
    spdlog::info("a step of {} sequences of {} tokens (--global-batch, --sequence-length)",
                 options.global_batch, options.sequence_length);
  ProgressLine line;
  options.search.version = MOESIM_VERSION;
  options.search.on_progress = [&line](const std::string& text) { line.show(text); };
  const SearchResult result = search(load, options.search);
  line.clear();
  if (result.interrupted) return kInterrupted;
  fmt::print("{}",
             options.format == "json" ? search_json(result) : search_table(result, base, load));
  if (result.best.empty()) return kInfeasible;
  if (options.out.empty()) return kDone;
  std::ofstream file(options.out, std::ios::binary);
  file << scenario_text(load(result.best[0].sets));
  if (!file.flush()) throw RunError(options.out + ": cannot be written");
  spdlog::info("the best mapping is {}: moesim run {}", options.out, options.out);
  return kDone;
}

}  // namespace

void add_search_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "search", "Finds fast mappings of a model on a pod that fit in its memory");
  command->add_option("scenario", options->scenario,
                      "Scenario file; what is searched replaces what it says");
  command->add_option("--workload", options->workload,
                      "Instead of a scenario: a preset or a file, also a config.json");
  command->add_option("--platform", options->platform, "With it: a preset or a file");
  command->add_option("--gpus", options->gpus, "With it: devices")->check(CLI::Range(1, 1'000'000));
  command->add_option("--global-batch", options->global_batch, "With it: sequences of a step")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  command
      ->add_option("--sequence-length", options->sequence_length, "With it: tokens of a sequence")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("-o,--out", options->out, "Scenario file to write, of the best mapping");
  command->add_option("--set", options->sets, "Override a key that is not searched")
      ->allow_extra_args(false);
  command->add_option("--free", options->free,
                      "What is searched, of tp, cp, ep, etp, pp, vpp, micro_batch and recompute "
                      "(default: all but cp and etp)");
  command->add_option("--top", options->search.top, "How many to print")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command
      ->add_option("--time", options->search.time_s,
                   "Seconds after which no more mappings are estimated")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--allow-tight", options->search.allow_tight,
                    "Mappings that leave less memory free than the platform's reserve too");
  command->add_option("--jobs", options->search.jobs, "Simulations at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seed", options->search.seed, "Seed of everything drawn at random")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
