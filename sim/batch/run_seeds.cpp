#include "batch/run_seeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/diagnostics.hpp"
#include "report/json.hpp"
#include "run/run_step.hpp"

namespace moesim {

namespace {

std::string simulate(const Scenario& scenario, uint64_t seed, const SeedOptions& options) {
  RunOptions run;
  run.seed = seed;
  run.version = options.version;
  return packed(run_step(scenario, run).report);
}

}  // namespace

std::optional<StepReport> run_seeds(const Scenario& scenario, const SeedOptions& options) {
  std::vector<Job> jobs;
  for (int i = 0; i < scenario.runs; ++i) {
    const uint64_t seed = options.first_seed + static_cast<uint64_t>(i);
    jobs.push_back(
        {fmt::format("seed {}", seed), [&, seed] { return simulate(scenario, seed, options); }});
  }
  const PoolResult pool = run_jobs(jobs, options.pool);
  if (pool.interrupted) return std::nullopt;
  std::vector<StepReport> reports;
  SeedSpread spread;
  spread.first_seed = options.first_seed;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const Outcome& outcome = pool.outcomes[i];
    if (outcome.status != Outcome::Status::done)
      throw RunError(
          fmt::format("{}: {}: {}", jobs[i].name, spelling(outcome.status), outcome.message));
    reports.push_back(unpacked<StepReport>(outcome.output));
    spread.samples_s.push_back(reports.back().step_time_s);
  }
  spread.step_time_s = distribution_of(spread.samples_s);
  std::vector<size_t> order(reports.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return spread.samples_s[a] < spread.samples_s[b]; });
  StepReport& median = reports[order[(order.size() - 1) / 2]];
  median.runs = std::move(spread);
  return std::move(median);
}

}  // namespace moesim
