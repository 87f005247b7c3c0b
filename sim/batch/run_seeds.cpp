#include "batch/run_seeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/diagnostics.hpp"
#include "report/csv.hpp"
#include "report/table.hpp"
#include "run/run_step.hpp"

namespace moesim {

namespace {

using nlohmann::ordered_json;

std::string simulate(const Scenario& scenario, uint64_t seed, const SeedOptions& options) {
  RunOptions run;
  run.seed = seed;
  run.version = options.version;
  const StepReport report = run_step(scenario, run).report;
  const ordered_json texts = {{"step_time_s", report.step_time_s},
                              {"json", json_text(report, options.json)},
                              {"table", table_text(report)},
                              {"csv", csv_text(report, options.json)},
                              {"fits", report.fits()}};
  return texts.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

SeedRuns run_seeds(const Scenario& scenario, const SeedOptions& options) {
  std::vector<Job> jobs;
  for (int i = 0; i < scenario.runs; ++i) {
    const uint64_t seed = options.first_seed + static_cast<uint64_t>(i);
    jobs.push_back(
        {fmt::format("seed {}", seed), [&, seed] { return simulate(scenario, seed, options); }});
  }
  const PoolResult pool = run_jobs(jobs, options.pool);
  SeedRuns runs;
  runs.interrupted = pool.interrupted;
  if (pool.interrupted) return runs;
  std::vector<ordered_json> results;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const Outcome& outcome = pool.outcomes[i];
    if (outcome.status != Outcome::Status::done)
      throw RunError(
          fmt::format("{}: {}: {}", jobs[i].name, to_string(outcome.status), outcome.message));
    results.push_back(ordered_json::parse(outcome.output));
    runs.step_s.push_back(results.back()["step_time_s"]);
  }
  runs.distribution = distribution_of(runs.step_s);
  std::vector<size_t> order(runs.step_s.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return runs.step_s[a] < runs.step_s[b]; });
  const size_t median = order[(order.size() - 1) / 2];
  runs.median_seed = options.first_seed + median;
  runs.median_json = results[median]["json"];
  runs.median_table = results[median]["table"];
  runs.median_csv = results[median]["csv"];
  runs.median_fits = results[median]["fits"];
  return runs;
}

std::string seed_runs_json(const SeedRuns& runs, uint64_t first_seed) {
  const Distribution& d = runs.distribution;
  ordered_json json = ordered_json::parse(runs.median_json);
  json["runs"] = {{"count", d.count},
                  {"first_seed", first_seed},
                  {"step_time_s",
                   {{"mean", d.mean},
                    {"standard_deviation", d.standard_deviation},
                    {"ci95_low", d.ci95_low},
                    {"ci95_high", d.ci95_high},
                    {"minimum", d.minimum},
                    {"p50", d.p50},
                    {"p95", d.p95},
                    {"p99", d.p99},
                    {"maximum", d.maximum}}},
                  {"samples_s", runs.step_s}};
  return json.dump(2) + "\n";
}

}  // namespace moesim
