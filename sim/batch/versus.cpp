#include "batch/versus.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/diagnostics.hpp"
#include "config/scenario.hpp"
#include "report/json.hpp"
#include "run/known_band.hpp"
#include "run/run_step.hpp"

namespace moesim {

namespace {

double published_power_w(const Scenario& scenario) {
  const Platform& platform = scenario.platform;
  return platform.is_wafer_system() ? platform.wafers().wafer.power_w * platform.wafers().systems
                                    : platform.pod().device.power_w * platform.pod().gpus;
}

// Loads the scenarios, simulates those that load, and fills the runs.
class Runner {
 public:
  Runner(const Study& study, const VersusOptions& options) : study_(study), options_(options) {}

  void add(VersusRun& run, size_t machine, const std::vector<std::string>& varied) {
    std::vector<std::string> sets;
    for (const auto& [key, value] : study_.list[machine]) sets.push_back(key + "=" + value);
    sets.insert(sets.end(), options_.sets.begin(), options_.sets.end());
    sets.insert(sets.end(), varied.begin(), varied.end());
    try {
      scenarios_.push_back(load_scenario(study_.base, sets).scenario);
    } catch (const InputError& error) {
      if (!first_error_) first_error_ = error;
      const auto& problems = error.problems().items();
      if (problems.empty()) {
        run.reason = error.what();
      } else {
        const std::string key = problems[0].path.empty() ? "" : problems[0].path + ": ";
        run.reason = key + problems[0].message;
      }
      return;
    }
    const Scenario& scenario = scenarios_.back();
    run.platform = scenario.platform.name();
    run.power_w = published_power_w(scenario);
    runs_.push_back(&run);
  }

  // Throws what was wrong first where nothing can be simulated.
  void check_any() const {
    if (runs_.empty() && first_error_) throw InputError(*first_error_);
  }

  // Returns whether it was interrupted.
  bool simulate() {
    std::vector<Job> jobs;
    for (const Scenario& scenario : scenarios_)
      jobs.push_back({scenario.name, [&] {
                        RunOptions run;
                        run.seed = options_.seed;
                        run.version = options_.version;
                        run.step_time_only = true;
                        return packed(run_step(scenario, run).report);
                      }});
    const PoolResult pool = run_jobs(jobs, options_.pool);
    for (size_t i = 0; i < jobs.size(); ++i) {
      const Outcome& outcome = pool.outcomes[i];
      VersusRun& run = *runs_[i];
      if (outcome.status != Outcome::Status::done) {
        run.reason = fmt::format("{}: {}", spelling(outcome.status), outcome.message);
        run.broken = outcome.status != Outcome::Status::refused;
        continue;
      }
      run.report = unpacked<StepReport>(outcome.output);
      run.report.band = known_band(scenarios_[i], study_.base, run.report.step_time_s);
    }
    return pool.interrupted;
  }

 private:
  const Study& study_;
  const VersusOptions& options_;
  std::vector<Scenario> scenarios_;
  std::vector<VersusRun*> runs_;
  std::optional<InputError> first_error_;
};

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value > 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

Versus versus(const Study& study, const VersusOptions& options) {
  Versus result;
  result.title = study.title;
  const size_t machines = study.list.size();
  if (machines < 2 || machines > kMostVersusMachines)
    throw InputError(fmt::format("list: {} machines, expected 2 to {}, each with a name", machines,
                                 kMostVersusMachines));
  for (size_t i = 0; i < machines; ++i) {
    const bool named = i < study.list_names.size() && !study.list_names[i].empty();
    if (!named) throw InputError(fmt::format("list[{}].name: is missing: which machine", i));
    result.machines.push_back(study.list_names[i]);
  }
  result.base.resize(machines);
  for (const auto& [key, values] : study.grid)
    result.axes.push_back(
        {key, values, std::vector(values.size(), std::vector<VersusRun>(machines))});
  Runner runner(study, options);
  for (size_t i = 0; i < machines; ++i) runner.add(result.base[i], i, {});
  runner.check_any();
  for (VersusAxis& axis : result.axes)
    for (size_t value = 0; value < axis.values.size(); ++value)
      for (size_t i = 0; i < machines; ++i)
        runner.add(axis.runs[value][i], i, {axis.key + "=" + axis.values[value]});
  result.interrupted = runner.simulate();
  return result;
}

std::optional<double> advantage(const std::vector<VersusRun>& runs, size_t machine) {
  if (!runs[0].fits() || !runs[machine].fits()) return std::nullopt;
  const double first = runs[0].tokens_per_joule(), other = runs[machine].tokens_per_joule();
  return first > 0 && other > 0 ? std::optional(other / first) : std::nullopt;
}

std::optional<double> crossover(const VersusAxis& axis, size_t machine) {
  for (size_t i = 0; i + 1 < axis.values.size(); ++i) {
    const auto x0 = number_in(axis.values[i]), x1 = number_in(axis.values[i + 1]);
    const auto y0 = advantage(axis.runs[i], machine), y1 = advantage(axis.runs[i + 1], machine);
    if (!x0 || !x1 || !y0 || !y1 || (*y0 > 1) == (*y1 > 1)) continue;
    const double part = std::log(*y0) / (std::log(*y0) - std::log(*y1));
    return *x0 * std::pow(*x1 / *x0, part);
  }
  return std::nullopt;
}

}  // namespace moesim
