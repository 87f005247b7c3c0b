#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "commands.hpp"

namespace moesim {
namespace {

// Options of a command, and the commands below it.
std::vector<std::string> words_of(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::App* below : command.get_subcommands(nullptr)) words.push_back(below->get_name());
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_snames()) words.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

std::string bash_script(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    std::vector<std::string> words = words_of(*command);
    for (const CLI::App* below : command->get_subcommands(nullptr))
      for (std::string& word : words_of(*below)) words.push_back(std::move(word));
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), fmt::join(words, " "));
  }
  return fmt::format(
      "# Completion of moesim in bash: eval \"$(moesim completion bash)\"\n"
      "_moesim() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} words=\n"
      "  case ${{COMP_WORDS[1]}} in\n"
      "{}"
      "  esac\n"
      "  ((COMP_CWORD > 1)) || words=\"{} help\"\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "}}\n"
      "complete -o default -F _moesim moesim\n",
      cases, fmt::join(words_of(app), " "));
}

}  // namespace

void add_completion_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "completion",
      "Prints what completes commands and options: eval \"$(moesim completion bash)\"");
  auto* bash = command->add_subcommand("bash", "For bash");
  command->require_subcommand(1);
  bash->callback([&app, &exit_code] {
    fmt::print("{}", bash_script(app));
    exit_code = kDone;
  });
}

}  // namespace moesim
