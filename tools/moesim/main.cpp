// moesim: how long does this Mixture-of-Experts training step take on that machine, and why?
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "logging.hpp"

namespace {

// "foo" is no command (did you mean ...?), and which there are; "" where the first argument is one,
// or an option.
std::string command_fault(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  const std::string given = argc > 1 ? argv[1] : "";
  if (given.starts_with('-') || std::find(names.begin(), names.end(), given) != names.end())
    return "";
  const std::string what =
      argc > 1 ? moesim::quote(given) + " is no command" + moesim::hint(given, names)
               : std::string("a command is missing");
  const std::string known = moesim::fold(fmt::format("commands: {}", fmt::join(names, ", ")), 0, 2);
  return fmt::format("{}\n{}\nmoesim COMMAND --help says more about each", what, known);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace moesim;
  CLI::App app{
      "Simulates Mixture-of-Experts training steps on GPU pods and wafer-scale systems: how long a "
      "step takes, and "
      "why."};
  app.set_version_flag("--version", MOESIM_VERSION);
  app.require_subcommand(1);
  add_logging_options(app);
  int exit_code = kDone;
  add_run_command(app, exit_code);
  add_sweep_command(app, exit_code);
  add_results_command(app, exit_code);
  add_merge_command(app, exit_code);
  add_search_command(app, exit_code);
  add_capacity_command(app, exit_code);
  add_versus_command(app, exit_code);
  add_explain_command(app, exit_code);
  add_check_command(app, exit_code);
  add_schema_command(app, exit_code);
  add_collective_command(app, exit_code);
  add_compare_command(app, exit_code);
  add_compare_profile_command(app, exit_code);
  add_report_command(app, exit_code);
  add_plot_command(app, exit_code);
  add_list_command(app, exit_code);
  add_show_command(app, exit_code);
  add_validate_command(app, exit_code);
  add_calibrate_command(app, exit_code);
  add_import_command(app, exit_code);
  add_export_command(app, exit_code);
  add_completion_command(app, exit_code);
  // "help run" is "run --help".
  std::vector<std::string> words(argv, argv + argc);
  if (argc > 1 && words[1] == "help") {
    words.erase(words.begin() + 1);
    words.emplace_back("--help");
  }
  std::vector<char*> asked;
  for (std::string& word : words) asked.push_back(word.data());
  argc = static_cast<int>(asked.size());
  argv = asked.data();
  if (const std::string fault = command_fault(app, argc, argv); !fault.empty()) {
    print_problems(fault);
    return kBadInput;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help, version or what is wrong
    return code == 0 ? kDone : kBadInput;
  } catch (const InputError& error) {
    print_problems(error.what());
    return kBadInput;
  } catch (const std::bad_alloc&) {
    spdlog::error(
        "out of memory: this machine has too little for the simulation; --max-memory refuses such "
        "runs before they start, fewer ranks or microbatches need less");
    return kRunFailed;
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    return kRunFailed;
  }
  return exit_code;
}
