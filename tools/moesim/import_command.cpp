#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "foreign/megatron_import.hpp"
#include "outputs.hpp"

namespace moesim {
namespace {

struct Options {
  std::string path, output, platform, framework = "megatron-core";
  std::string arguments;  // of the script
  std::vector<std::string> variables, extra, sets;
  int gpus = 0;
};

std::map<std::string, std::string> variables_of(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> variables;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InputError(fmt::format("--var {}: expected NAME=VALUE", pair));
    variables[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return variables;
}

// "plan.ep=16" on top of what was imported.
void apply_sets(ImportedScenario& imported, const std::vector<std::string>& sets) {
  for (const std::string& set : sets) {
    const size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InputError(fmt::format("--set {}: expected KEY.PATH=VALUE", set));
    imported.state(set.substr(0, equals), set.substr(equals + 1), "--set");
  }
}

// The file is written whether its scenario is sound or not: what is wrong in it is then in a place
// that can be edited.
void write_scenario(const ImportedScenario& imported, const std::string& output) {
  const std::string text = scenario_file(imported);
  if (output.empty())
    fmt::print("{}", text);
  else
    replace_file(output, text);
  const std::string report = import_report(imported);
  if (!report.empty()) fmt::print(stderr, "{}", report);
  fmt::print(stderr,
             "{} of {} arguments that shape the time of a step gave keys; {} have no effect on it, "
             "{} are not known\n",
             imported.mapped, imported.shaping, imported.no_effect.size(), imported.unknown.size());
  const std::string name = output.empty() ? imported.name + ".yaml" : output;
  const MemoryFiles files({{name, text}}, &disk_files());
  load_scenario(name, {}, files);
}

}  // namespace

void add_import_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "import", "Makes a scenario from the launch or the config of another program");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto* megatron = command->add_subcommand(
      "megatron", "From a launch script, an argument file or a YAML of arguments of Megatron-LM");
  megatron->add_option("file", options->path, "Script, arguments, or YAML whose keys are arguments")
      ->required();
  megatron->add_option("-o,--output", options->output, "Scenario file; standard output without");
  megatron
      ->add_option("--var", options->variables,
                   "A variable of the script, as in NNODES=16, or its argument, as in 1=8B; wins "
                   "over what the script sets; may be repeated")
      ->allow_extra_args(false);
  megatron->add_option("--args", options->arguments,
                       "Arguments of the script, $1 and on, as in --args \"dlc 8B 1 128\"");
  megatron->add_option(
      "--platform", options->platform,
      fmt::format("The machine, as in moesim list platforms; without, {} is assumed",
                  kAssumedPlatform));
  megatron->add_option("--gpus", options->gpus, "Devices, where the launch does not say")
      ->check(CLI::Range(1, 1'000'000));
  megatron->add_option("--framework", options->framework, "Profile, as in moesim list frameworks")
      ->capture_default_str();
  megatron
      ->add_option("--set", options->sets,
                   "A key of the scenario, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  megatron->add_option("arguments", options->extra,
                       "Behind --: arguments beside those of the file, as in -- --bf16");
  megatron->callback([options, &exit_code] {
    check_outputs({{Output::Kind::file, "-o", options->output}});
    MegatronImport input;
    auto variables = variables_of(options->variables);
    const std::vector<std::string> arguments = split(options->arguments, " ");
    for (size_t i = 0; i < arguments.size(); ++i)
      variables.emplace(std::to_string(i + 1), arguments[i]);
    input.launch = {options->path, std::move(variables), options->extra};
    input.platform = options->platform;
    input.framework = options->framework;
    input.gpus = options->gpus;
    ImportedScenario imported = import_megatron(input, default_search_path("."));
    apply_sets(imported, options->sets);
    write_scenario(imported, options->output);
    exit_code = kDone;
  });
}

}  // namespace moesim
