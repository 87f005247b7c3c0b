#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/text.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "foreign/megatron_export.hpp"
#include "outputs.hpp"

namespace moesim {
namespace {

struct Options {
  std::string path, form, output;
  std::vector<std::string> sets;
};

std::string as_megatron(const ResolvedScenario& resolved) {
  const MegatronExport made = export_megatron(resolved, default_search_path("."));
  std::vector<std::string> keys;
  for (const LaunchKey& key : made.carried)
    if (!key.key.starts_with("platform.")) keys.push_back(key.key);
  if (!keys.empty())
    spdlog::info("{}", fold(fmt::format("no argument says these, which stand in the script as "
                                        "#moesim KEY=VALUE: {}",
                                        fmt::join(keys, ", ")),
                            0, 2));
  return made.script;
}

}  // namespace

void add_export_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("export", "Writes a scenario in the form of another program");
  auto options = std::make_shared<Options>();
  command->add_option("scenario", options->path, "Scenario file")->required();
  command
      ->add_option("--as", options->form,
                   "megatron: a launch script of Megatron-LM, which import reads back")
      ->required()
      ->check(CLI::IsMember({"megatron"}));
  command->add_option("-o,--output", options->output, "File; standard output without");
  command->add_option("--set", options->sets, "Override a key, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  command->callback([options, &exit_code] {
    check_outputs({{Output::Kind::file, "-o", options->output}});
    const ResolvedScenario resolved = load_scenario(options->path, options->sets);
    const std::string text = as_megatron(resolved);
    if (options->output.empty())
      fmt::print("{}", text);
    else
      replace_file(options->output, text);
    exit_code = kDone;
  });
}

}  // namespace moesim
