#include "measured/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/check.hpp"
#include "base/diagnostics.hpp"
#include "batch/stored_run.hpp"
#include "plan/mapping.hpp"
#include "run/run_step.hpp"

namespace moesim {
namespace {

// Devices times operations that the engine will handle: only the order of the runs depends on it,
// longest first.
double cost_of(const Scenario& scenario) {
  const Pod& pod = scenario.platform.pod();
  const Mapping mapping =
      derive_mapping(scenario.plan, pod.gpus, pod.gpus_per_node, scenario.batch);
  return static_cast<double>(mapping.microbatches) * scenario.workload.layers * mapping.cell;
}

struct Simulations {
  std::map<std::string, Scenario> by_name;

  // Equal scenarios have equal names, also those that profiles of different frameworks filled in
  // alike: every value is written out, so the framework's name is left out.
  std::string add(const MeasuredRow& row, Scenario scenario) {
    scenario.plan.framework.clear();
    std::string model = row.model;
    for (char& c : model)
      if (c == '/' || c == ' ') c = '_';
    const std::string name =
        fmt::format("{}-{}-{}-{}", model, scenario.platform.name(), row.num_gpus,
                    fingerprint(scenario_text(scenario), {}, "").substr(0, 8));
    by_name.emplace(name, std::move(scenario));
    return name;
  }

  void write(const std::filesystem::path& folder) const {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    for (const auto& [name, scenario] : by_name) {
      std::ofstream file(folder / (name + ".yaml"), std::ios::binary);
      if (!(file << scenario_text(scenario) << std::flush))
        throw RunError(fmt::format("cannot write {}", (folder / (name + ".yaml")).string()));
    }
  }

  // Rows of several tables may be of one scenario, so that a run has no file of its own.
  std::vector<StudyRun> runs() const {
    std::vector<std::pair<double, StudyRun>> found;
    for (const auto& [name, scenario] : by_name)
      found.push_back({cost_of(scenario), {name, "", {}}});
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<StudyRun> sorted;
    for (auto& [cost, run] : found) sorted.push_back(std::move(run));
    return sorted;
  }
};

std::vector<ValidatedRow> read_rows(const ValidateOptions& options, const SearchPath& search,
                                    Simulations& simulations, std::vector<std::string>& warnings) {
  std::vector<ValidatedRow> rows;
  for (const std::string& path : options.tables) {
    MeasuredTable table = read_measured_table(path);
    for (const std::string& column : table.unknown_columns)
      warnings.push_back(fmt::format("{}: column {} has no meaning here", path, column));
    keep_rows(table, options.where);
    for (MeasuredRow& measured : table.rows) {
      if (options.limit > 0 && rows.size() == options.limit) return rows;
      RowScenario found =
          scenario_of_row(measured, options.platform, search, disk_files(), options.sets);
      ValidatedRow& row = rows.emplace_back();
      row.measurement = std::move(measured);
      row.assumptions = std::move(found.assumptions);
      row.reason = std::move(found.reason);
      if (!row.reason.empty()) continue;
      row.plan = found.scenario.plan;
      row.batch = found.scenario.batch;
      row.run = simulations.add(row.measurement, std::move(found.scenario));
    }
  }
  return rows;
}

void compare(ValidatedRow& row, const StepReport& report) {
  const MeasuredRow& m = row.measurement;
  const double tokens = report.tokens_per_s_per_device;
  row.step_time_s = report.step_time_s;
  PredictionError& error = row.error;
  if (m.tokens_per_s_per_gpu > 0) {
    row.metric = "tokens_per_s_per_gpu";
    row.predicted = tokens;
    row.measured = m.tokens_per_s_per_gpu;
  } else if (m.step_time_s > 0) {
    row.metric = "step_time_s";
    row.predicted = row.step_time_s;
    row.measured = m.step_time_s;
  } else if (m.tflops_per_gpu > 0) {
    row.metric = "tflops_per_gpu";
    row.predicted = report.tflops_per_device;
    row.measured = m.tflops_per_gpu;
  } else {
    row.reason = "nothing was measured";
    return;
  }
  error.error_percent = 100 * (row.predicted - row.measured) / row.measured;
  const double ratio = row.predicted / row.measured;
  error.speed_ratio = row.metric == "step_time_s" ? 1 / ratio : ratio;
  error.predicted_speed = tokens;
  error.measured_speed = tokens / error.speed_ratio;
}

void read_results(std::vector<ValidatedRow>& rows, const std::string& folder) {
  for (ValidatedRow& row : rows) {
    if (row.run.empty()) continue;
    const auto stored = read_stored_run(std::filesystem::path(folder) / (row.run + ".json"));
    if (!stored || !stored->is_done()) {
      row.reason =
          stored ? fmt::format("{}: {}", stored->run.status, stored->run.message) : "not simulated";
      continue;
    }
    row.breakdown_s = stored->report.breakdown_s;
    row.overload_factor = stored->report.overload_factor;
    row.fits = stored->report.fits();
    compare(row, stored->report);
  }
}

std::string value_of(const MeasuredRow& row, const std::string& column) {
  if (column == "source") return row.source;
  if (column == "gpu") return row.gpu;
  if (column == "model") return row.model;
  if (column == "precision") return row.precision;
  if (column == "fitted") return row.fitted ? kInViewOfFit : "other rows";
  MOESIM_CHECK(column == "table", "{}", column);
  return row.table;
}

}  // namespace

Validation validate(const ValidateOptions& options, const SearchPath& search) {
  const auto begin = std::chrono::steady_clock::now();
  Validation validation;
  Simulations simulations;
  validation.rows = read_rows(options, search, simulations, validation.warnings);
  if (!options.scenarios_folder.empty()) simulations.write(options.scenarios_folder);

  BatchWork work;
  work.simulate = [&](const StudyRun& run) {
    RunOptions run_options;
    run_options.seed = options.seed;
    run_options.version = options.batch.version;
    run_options.step_time_only = true;
    return run_step(simulations.by_name.at(run.name), run_options).report;
  };
  work.input_text = [&](const StudyRun& run) {
    return scenario_text(simulations.by_name.at(run.name)) +
           fmt::format("seed: {}\n", options.seed);
  };
  const std::vector<StudyRun> runs = simulations.runs();
  const BatchCounts counts = run_batch(runs, work, options.batch);
  read_results(validation.rows, options.batch.out_folder);
  validation.simulations = runs.size();
  validation.simulated_before = counts.skipped;
  validation.interrupted = counts.interrupted > 0;
  validation.wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return validation;
}

std::vector<PredictionError> errors_of(const std::vector<ValidatedRow>& rows) {
  std::vector<PredictionError> errors;
  for (const ValidatedRow& row : rows)
    if (row.reason.empty()) errors.push_back(row.error);
  return errors;
}

std::vector<ErrorGroup> group_errors(const std::vector<ValidatedRow>& rows,
                                     const std::string& column) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<PredictionError>> errors;
  for (const ValidatedRow& row : rows) {
    if (!row.reason.empty()) continue;
    const std::string name = value_of(row.measurement, column);
    if (!errors.count(name)) names.push_back(name);
    errors[name].push_back(row.error);
  }
  std::vector<ErrorGroup> groups;
  for (const std::string& name : names) groups.push_back({name, summarize_errors(errors[name])});
  return groups;
}

}  // namespace moesim
