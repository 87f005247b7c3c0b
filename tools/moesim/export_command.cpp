#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "foreign/megatron_export.hpp"
#include "graph/dot.hpp"
#include "outputs.hpp"
#include "run/lowered_program.hpp"

namespace moesim {
namespace {

struct Options {
  std::string path, form, output, block;
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

// One block's tasks on its first rank: a whole step has millions.
std::string as_dot(const ResolvedScenario& resolved, const std::string& block) {
  const auto lowered = lower(resolved.scenario, 1);
  const Program& program = lowered->program();
  std::vector<std::string> names;
  for (const TaskGraph& graph : program.templates) names.push_back(graph.name);
  const auto found = block.empty() ? names.begin() : std::find(names.begin(), names.end(), block);
  if (found == names.end())
    throw InputError(fmt::format("--block {}: no block is named so; there are {}", block,
                                 fmt::join(names, ", ")));
  if (block.empty() && names.size() > 1)
    spdlog::info("the block is {}; --block says another of {}", names[0], fmt::join(names, ", "));
  return dot_text(program.templates[static_cast<size_t>(found - names.begin())], program.op_names,
                  0);
}

}  // namespace

void add_export_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("export", "Writes a scenario in the form of another program");
  auto options = std::make_shared<Options>();
  command->add_option("scenario", options->path, "Scenario file")->required();
  command
      ->add_option("--as", options->form,
                   "megatron: a launch script of Megatron-LM, which import reads back; dot: the "
                   "tasks of a block for Graphviz")
      ->required()
      ->check(CLI::IsMember({"megatron", "dot"}));
  command->add_option("--block", options->block, "dot: the block, as in the list that it prints");
  command->add_option("-o,--output", options->output, "File; standard output without");
  command->add_option("--set", options->sets, "Override a key, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  command->callback([options, &exit_code] {
    check_outputs({{Output::Kind::file, "-o", options->output}});
    const ResolvedScenario resolved = load_scenario(options->path, options->sets);
    if (!options->block.empty() && options->form != "dot")
      throw InputError("--block is for --as dot");
    const std::string text =
        options->form == "dot" ? as_dot(resolved, options->block) : as_megatron(resolved);
    if (options->output.empty())
      fmt::print("{}", text);
    else
      replace_file(options->output, text);
    exit_code = kDone;
  });
}

}  // namespace moesim
