#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/diagnostics.hpp"
#include "commands.hpp"
#include "config/documenter.hpp"
#include "config/json_schema.hpp"
#include "config/scenario.hpp"
#include "report/memory_table.hpp"
#include "report/reference.hpp"
#include "run/pod_memory.hpp"
#include "run_options.hpp"
#include "show_workload.hpp"

namespace moesim {

void add_check_command(CLI::App& app, int& exit_code) {
  auto path = std::make_shared<std::string>();
  auto sets = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand(
      "check", "Validates a scenario and prints it with the origin of every value");
  command->add_option("scenario", *path, "Scenario file")->required();
  command->add_option("--set", *sets, "Override a key, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  add_assume_option(*command, *sets);
  auto memory = std::make_shared<bool>(false);
  command->add_flag("--memory", *memory, "The memory of every stage instead, without a simulation");
  command->callback([path, sets, memory, &exit_code] {
    const ResolvedScenario resolved = load_scenario(*path, *sets);
    for (const std::string& note : resolved.notes) spdlog::info("{}", note);
    const Scenario& scenario = resolved.scenario;
    const Platform& platform = scenario.platform;
    const bool judged = !platform.is_wafer_system();
    if (*memory && !judged)
      throw InputError(
          fmt::format("--memory: {} is a wafer system, whose memory needs its "
                      "simulation: moesim run",
                      platform.name()));
    const auto stages = judged ? forecast_memory(scenario) : std::vector<StageMemory>{};
    if (*memory)
      fmt::print("{}", memory_table(stages));
    else
      fmt::print("# {}: {}\n{}{}", scenario.workload.name,
                 model_line(scenario.workload, scenario.batch.sequence_length),
                 check_text(resolved), judged ? "# memory: " + memory_verdict(stages) + "\n" : "");
    exit_code = kDone;
  });
}

void add_schema_command(CLI::App& app, int& exit_code) {
  auto report = std::make_shared<bool>(false);
  auto json = std::make_shared<bool>(false);
  auto key = std::make_shared<std::string>();
  auto* command = app.add_subcommand(
      "schema", "Prints every key of a scenario: type, unit, range, default, meaning");
  command->add_option("key", *key, "This key and those below it alone, as in plan.ep or platform");
  auto* reports =
      command->add_flag("--report", *report, "The keys of reports instead, as Markdown tables");
  command
      ->add_flag("--json-schema", *json,
                 "A JSON Schema, by which editors check and complete scenario files")
      ->excludes(reports);
  command->callback([report, json, key, &exit_code] {
    if (!key->empty() && (*report || *json))
      throw InputError("schema: a key is for the table of keys alone");
    fmt::print("{}", *report         ? reports_reference()
                     : *json         ? json_schema()
                     : !key->empty() ? schema_text_of(*key)
                                     : schema_text());
    exit_code = kDone;
  });
}

}  // namespace moesim
