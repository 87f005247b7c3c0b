#include "report/csv.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "report/breakdown.hpp"

namespace moesim {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;  // name, value

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

// fmt prints the fewest digits that read back as the same double.
std::string number(double value) { return fmt::format("{}", value); }

void add_memory(Fields& fields, const StepReport& report) {
  const StageMemory* fullest = nullptr;
  for (const StageMemory& stage : report.memory)
    // By share: the stores of a wafer system are of different sizes.
    if (fullest == nullptr ||
        stage.total_bytes * fullest->capacity_bytes > fullest->total_bytes * stage.capacity_bytes)
      fullest = &stage;
  const StageMemory none;
  const StageMemory& most = fullest == nullptr ? none : *fullest;
  fields.emplace_back("memory_stages", std::to_string(report.memory.size()));
  fields.emplace_back("memory_fits", report.fits() ? "true" : "false");
  fields.emplace_back("memory_most_stage", std::to_string(most.stage));
  fields.emplace_back("memory_most_parameters_bytes", number(most.parameters_bytes));
  fields.emplace_back("memory_most_gradients_bytes", number(most.gradients_bytes));
  fields.emplace_back("memory_most_optimizer_bytes", number(most.optimizer_bytes));
  fields.emplace_back("memory_most_activations_bytes", number(most.activations_bytes));
  fields.emplace_back("memory_most_bytes", number(most.total_bytes));
  fields.emplace_back("memory_capacity_bytes", number(most.capacity_bytes));
}

void add_firsts(Fields& fields, const StepReport& report) {
  const CriticalPathEntry critical =
      report.critical_path.empty() ? CriticalPathEntry{} : report.critical_path[0];
  fields.emplace_back("critical_path.0.op", critical.op);
  fields.emplace_back("critical_path.0.share", number(critical.share));
  const ResourceUse busiest = report.resources.empty() ? ResourceUse{} : report.resources[0];
  fields.emplace_back("resources.0.name", busiest.name);
  fields.emplace_back("resources.0.busy_fraction", number(busiest.busy_fraction));
}

void add_simulation(Fields& fields, const SimulationFacts& facts, const JsonOptions& options) {
  fields.emplace_back("simulation.wall_s", options.machine_facts ? number(facts.wall_s) : "");
  fields.emplace_back("simulation.tasks", std::to_string(facts.tasks));
  fields.emplace_back("simulation.flows", std::to_string(facts.flows));
  fields.emplace_back("simulation.peak_rss_bytes",
                      options.machine_facts ? std::to_string(facts.peak_rss_bytes) : "");
  fields.emplace_back("simulation.folded", facts.folded);
}

Fields fields_of(const StepReport& report, const JsonOptions& options) {
  Fields fields = {{"scenario", report.scenario},
                   {"moesim_version", report.moesim_version},
                   {"simgrid_version", report.simgrid_version},
                   {"seed", std::to_string(report.seed)},
                   {"fidelity", report.fidelity},
                   {"model", report.model},
                   {"platform", report.platform},
                   {"devices", std::to_string(report.devices)},
                   {"step_time_s", number(report.step_time_s)},
                   {"tokens_per_step", number(report.tokens_per_step)},
                   {"tokens_per_s", number(report.tokens_per_s)},
                   {"tokens_per_s_per_device", number(report.tokens_per_s_per_device)},
                   {"model_flops_per_step", number(report.model_flops_per_step)},
                   {"tflops_per_device", number(report.tflops_per_device)},
                   {"mfu", number(report.mfu)}};
  for (const BreakdownPart& part : parts_of(report.breakdown_s))
    fields.emplace_back(std::string("breakdown_s.") + part.key, number(part.seconds));
  add_memory(fields, report);
  fields.emplace_back("overload_factor", number(report.overload_factor));
  fields.emplace_back("lower_bound_s", number(report.lower_bound_s));
  fields.emplace_back("lower_bound_by", report.lower_bound_by);
  add_firsts(fields, report);
  add_simulation(fields, report.simulation, options);
  return fields;
}

}  // namespace

std::string csv_header() {
  std::string line;
  for (const auto& [name, value] : fields_of({}, {}))
    line += (line.empty() ? "" : ",") + quoted(name);
  return line + "\n";
}

std::string csv_row(const StepReport& report, const JsonOptions& options) {
  std::string line;
  bool first = true;
  for (const auto& [name, value] : fields_of(report, options)) {
    if (!std::exchange(first, false)) line += ',';
    line += quoted(value);
  }
  return line + "\n";
}

std::string csv_text(const StepReport& report, const JsonOptions& options) {
  return csv_header() + csv_row(report, options);
}

}  // namespace moesim
