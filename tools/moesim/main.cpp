// moesim: how long does this Mixture-of-Experts training step take on that machine, and why?
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/diagnostics.hpp"
#include "commands.hpp"

int main(int argc, char** argv) {
  using namespace moesim;
  spdlog::set_default_logger(spdlog::stderr_color_st("moesim"));  // results go to stdout, everything else here
  spdlog::set_pattern("%^%l%$: %v");

  CLI::App app{
      "Simulates Mixture-of-Experts training steps on GPU pods and wafer-scale systems: how long a step takes, and "
      "why."};
  app.set_version_flag("--version", MOESIM_VERSION);
  app.require_subcommand(1);
  int exit_code = kDone;
  add_run_command(app, exit_code);
  add_sweep_command(app, exit_code);
  add_explain_command(app, exit_code);
  add_check_command(app, exit_code);
  add_schema_command(app, exit_code);
  add_collective_command(app, exit_code);
  add_compare_command(app, exit_code);
  add_list_command(app, exit_code);
  add_validate_command(app, exit_code);
  add_calibrate_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help, version or what is wrong
    return code == 0 ? kDone : kBadInput;
  } catch (const InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kBadInput;
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    return kRunFailed;
  }
  return exit_code;
}
