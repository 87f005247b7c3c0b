#include "explain/explain.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/diagnostics.hpp"
#include "batch/batch.hpp"
#include "batch/stored_run.hpp"
#include "config/scenario.hpp"
#include "explain/causes.hpp"
#include "explain/closed_form.hpp"
#include "explain/knobs.hpp"
#include "explain/wafer_form.hpp"
#include "metrics/summarize.hpp"
#include "run/run_step.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

constexpr const char* kStep = "step";

class RunFolder {
 public:
  explicit RunFolder(const std::string& asked) : path_(asked), temporary_(asked.empty()) {
    if (!temporary_) return;
    std::string name = (fs::temp_directory_path() / "moesim-explain-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw RunError("no temporary folder for the runs");
    path_ = name;
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool temporary_;
};

Scenario load(const std::string& path, const std::vector<std::string>& sets) {
  return load_scenario(path, sets).scenario;
}

// Settles what the plan of a wafer system leaves open once: runs that vary something else keep
// it.
ExplainOptions settled(ExplainOptions options) {
  const Scenario scenario = load(options.scenario_path, options.sets);
  if (!scenario.platform.is_wafer_system()) return options;
  const auto more = settled_wafer_plan(scenario, options.seed);
  options.sets.insert(options.sets.end(), more.begin(), more.end());
  return options;
}

// Names of runs are names of files: blanks and slashes become underscores.
std::string file_name(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == ' ' || c == '/'; }, '_');
  return text;
}
std::string knob_run(const Knob& knob, bool high) {
  return file_name(knob.name) + (high ? "+" : "-");
}

std::vector<Cause> present(std::vector<Cause> causes) {
  std::erase_if(causes, [](const Cause& cause) { return cause.off.empty(); });
  return causes;
}

// With exactly the causes of `mask` on.
std::string causes_run(const std::vector<Cause>& causes, unsigned mask) {
  if (mask + 1 == 1u << causes.size()) return kStep;
  std::string name = "bare";
  for (size_t i = 0; i < causes.size(); ++i)
    if (mask & 1u << i) name += (name == "bare" ? "=" : ",") + causes[i].name;
  return name;
}

StepReport simulate(const StudyRun& run, const ExplainOptions& options) {
  const Scenario scenario = load(run.scenario_path, run.sets);
  RunOptions run_options;
  run_options.seed = options.seed;
  run_options.version = options.version;
  run_options.step_time_only = run.name != kStep;
  RunResult result = run_step(scenario, run_options);
  if (run_options.step_time_only) return std::move(result.report);
  LoweredProgram& lowered = *result.lowered;
  const int layers = scenario.workload.layers + scenario.workload.mtp_layers;
  result.report.by_layer = critical_path_by_layer(lowered.program(), result.execution, layers);
  result.report.by_link = critical_path_by_link(
      lowered.program(), lowered.fabric(), result.execution,
      [&](uint32_t block, uint32_t task) { return lowered.flows(block, task); });
  return std::move(result.report);
}

// Reads what the runs of a finished batch left in its folder.
class Results {
 public:
  explicit Results(fs::path folder) : folder_(std::move(folder)) {}

  const StepReport& of(const std::string& name) {
    const auto [found, added] = read_.try_emplace(name);
    if (!added) return found->second;
    auto stored = read_stored_run(folder_ / (name + ".json"));
    if (!stored || !stored->is_done())
      throw RunError(fmt::format("run {} of the explanation {}: {}", name,
                                 stored ? stored->run.status : "is missing",
                                 stored ? stored->run.message : ""));
    return found->second = std::move(stored->report);
  }
  double step_s(const std::string& name) { return of(name).step_time_s; }

 private:
  fs::path folder_;
  std::map<std::string, StepReport> read_;
};

Sensitivity sensitivity_of(const Knob& knob, Results& results, double overload) {
  Sensitivity s{knob.name, knob.value, knob.low_ratio, knob.high_ratio};
  const StepReport &low = results.of(knob_run(knob, false)),
                   &high = results.of(knob_run(knob, true));
  s.low_step_s = low.step_time_s;
  s.high_step_s = high.step_time_s;
  if (knob.name == kImbalance) {
    s.value = fmt::format("overload {:.4g}", overload);
    s.low_ratio = (low.overload_factor - 1) / (overload - 1);
    s.high_ratio = (high.overload_factor - 1) / (overload - 1);
  }
  if (s.low_ratio > 0 && s.high_ratio > s.low_ratio)
    s.elasticity = std::log(s.high_step_s / s.low_step_s) / std::log(s.high_ratio / s.low_ratio);
  return s;
}

void attribute(Explanation& e, const Scenario& scenario, Results& results) {
  const std::vector<Cause> all = causes_of(scenario), causes = present(all);
  std::vector<double> step_s;
  for (unsigned mask = 0; mask < 1u << causes.size(); ++mask)
    step_s.push_back(results.step_s(causes_run(causes, mask)));
  const std::vector<double> values = shapley_values(step_s, static_cast<int>(causes.size()));
  e.stripped_s = step_s[0];
  e.attribution.push_back({"left out of the formulas", "", e.stripped_s - e.math_s});
  for (const Cause& cause : all) {
    const auto found = std::find_if(causes.begin(), causes.end(),
                                    [&](const Cause& other) { return other.name == cause.name; });
    const double seconds =
        found == causes.end() ? 0 : values[static_cast<size_t>(found - causes.begin())];
    e.attribution.push_back({cause.name, cause.described, seconds});
  }
}

// Takes options that are settled.
std::vector<StudyRun> runs_of(const ExplainOptions& options) {
  const Scenario scenario = load(options.scenario_path, options.sets);
  std::vector<StudyRun> runs;
  const auto add = [&](const std::string& name, const std::vector<std::string>& sets) {
    StudyRun run{name, options.scenario_path, options.sets};
    run.sets.insert(run.sets.end(), sets.begin(), sets.end());
    runs.push_back(std::move(run));
  };
  add(kStep, {});
  const std::vector<Cause> causes = present(causes_of(scenario));
  for (unsigned mask = 0; mask + 1 < 1u << causes.size(); ++mask) {
    std::vector<std::string> off;
    for (size_t i = 0; i < causes.size(); ++i)
      if (!(mask & 1u << i)) off.insert(off.end(), causes[i].off.begin(), causes[i].off.end());
    add(causes_run(causes, mask), off);
  }
  for (const Knob& knob : knobs_of(scenario, options.change).varied) {
    add(knob_run(knob, false), knob.low_sets);
    add(knob_run(knob, true), knob.high_sets);
  }
  return runs;
}

}  // namespace

std::vector<StudyRun> explain_runs(const ExplainOptions& options) {
  return runs_of(settled(options));
}

std::optional<Explanation> explain(const ExplainOptions& asked) {
  const ExplainOptions options = settled(asked);
  const std::vector<StudyRun> runs = runs_of(options);
  const RunFolder folder(options.folder);
  BatchWork work;
  work.simulate = [&](const StudyRun& run) { return simulate(run, options); };
  work.input_text = [&](const StudyRun& run) {
    return input_text(load(run.scenario_path, run.sets)) +
           fmt::format("seed: {}\nexplain: {}\n", options.seed, run.name);
  };
  if (run_batch(runs, work, {folder.path().string(), options.version, options.pool}).interrupted >
      0)
    return std::nullopt;

  const Scenario scenario = load(options.scenario_path, options.sets);
  Results results(folder.path());
  const StepReport& step = results.of(kStep);
  Explanation e;
  e.scenario = scenario.name, e.moesim_version = options.version, e.seed = options.seed;
  e.step_s = step.step_time_s, e.change = options.change;
  e.lower_bound_s = step.lower_bound_s, e.bound_by = step.lower_bound_by;
  e.by_operation = step.critical_path, e.by_layer = step.by_layer, e.by_link = step.by_link;
  const Knobs knobs = knobs_of(scenario, options.change);
  for (const Knob& knob : knobs.varied)
    e.sensitivities.push_back(sensitivity_of(knob, results, step.overload_factor));
  std::stable_sort(e.sensitivities.begin(), e.sensitivities.end(),
                   [](const Sensitivity& a, const Sensitivity& b) {
                     return std::abs(a.elasticity) > std::abs(b.elasticity);
                   });
  e.not_varied = knobs.not_varied;
  const bool wafers = scenario.platform.is_wafer_system();
  e.math = wafers ? wafer_closed_form(scenario) : closed_form(scenario);
  e.math_assumes = wafers ? "balanced routing, streams beside compute as far as they go"
                          : "uniform stages, balanced routing, nothing overlapped";
  for (const MathTerm& term : e.math) e.math_s += term.seconds;
  attribute(e, scenario, results);
  return e;
}

}  // namespace moesim
