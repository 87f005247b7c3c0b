#include "run/goodput.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"
#include "wafer/faulty_wafers.hpp"

namespace moesim {

namespace {

constexpr uint64_t kFailures = 0xfa11;
constexpr double kDay = 86400;
constexpr double kMostFailures = 2e8;  // some ten seconds of simulation

// Wall time by what it went to.
struct Spent {
  double kept_s = 0, checkpoint_s = 0, lost_s = 0, restart_s = 0;
  double failures = 0;
};

struct Costs {
  double segment_s = 0;  // steps between two checkpoints
  double step_s = 0;
  double checkpoint_s = 0, restart_s = 0, mtbf_s = 0, duration_s = 0;
};

// A run from failure to failure. Between two of them segments and checkpoints alternate, so that
// their number is a division, however many there are.
class TrainingRun {
 public:
  TrainingRun(const Costs& costs, Random random) : costs_(costs), random_(random) {}

  Spent run() {
    double now_s = 0, failure_s = next_failure(0);
    while (failure_s < costs_.duration_s) {
      spent_.lost_s += train(failure_s - now_s);
      now_s = restart(failure_s);
    }
    if (now_s < costs_.duration_s) finish(train(costs_.duration_s - now_s));
    return spent_;
  }

 private:
  double next_failure(double now_s) {
    return now_s - costs_.mtbf_s * std::log(1 - random_.uniform());
  }

  // Returns what is left of the time after whole segments with their checkpoints.
  double train(double seconds) {
    const double cycle_s = costs_.segment_s + costs_.checkpoint_s;
    const double cycles = std::floor(seconds / cycle_s);
    spent_.kept_s += cycles * costs_.segment_s;
    spent_.checkpoint_s += cycles * costs_.checkpoint_s;
    return std::max(0.0, seconds - cycles * cycle_s);
  }

  // From a failure to the next step, further failures in between included. Returns its date, and
  // moves `failure_s` on to the failure after it.
  double restart(double& failure_s) {
    while (true) {
      ++spent_.failures;
      const double since_s = failure_s, done_s = since_s + costs_.restart_s;
      failure_s = next_failure(since_s);
      const double end_s = std::min({done_s, failure_s, costs_.duration_s});
      spent_.restart_s += end_s - since_s;
      if (failure_s > done_s || failure_s >= costs_.duration_s) return done_s;
    }
  }

  // The end of the run: whole steps of the segment under way are kept.
  void finish(double left_s) {
    if (left_s < costs_.segment_s) {
      spent_.kept_s += std::floor(left_s / costs_.step_s) * costs_.step_s;
      return;
    }
    spent_.kept_s += costs_.segment_s;
    spent_.checkpoint_s += left_s - costs_.segment_s;
  }

  Costs costs_;
  Random random_;
  Spent spent_;
};

Goodput simulate_interval(const Reliability& r, double interval_s, double mtbf_s, double step_s,
                          double tokens_per_step, uint64_t seed) {
  Goodput result;
  result.steps_per_checkpoint = std::max<int64_t>(1, std::llround(interval_s / step_s));
  Costs costs{static_cast<double>(result.steps_per_checkpoint) * step_s,
              step_s,
              r.checkpoint_write_s,
              r.restart_s,
              mtbf_s,
              r.duration_s};
  result.checkpoint_interval_s = costs.segment_s;
  std::vector<double> kept;
  const double share = 1 / (r.duration_s * r.trials);
  for (int trial = 0; trial < r.trials; ++trial) {
    const Spent spent =
        TrainingRun(costs, Random(seed, {kFailures, static_cast<uint64_t>(trial)})).run();
    kept.push_back(spent.kept_s / r.duration_s);
    result.checkpoint_fraction += spent.checkpoint_s * share;
    result.lost_fraction += spent.lost_s * share;
    result.restart_fraction += spent.restart_s * share;
    result.failures_per_day += spent.failures * share * kDay;
  }
  const Distribution fractions = distribution_of(kept);
  result.fraction = fractions.mean;
  result.ci95_low = std::clamp(fractions.ci95_low, 0.0, 1.0);
  result.ci95_high = std::clamp(fractions.ci95_high, 0.0, 1.0);
  result.tokens_per_day = result.fraction * kDay / step_s * tokens_per_step;
  result.formula_fraction =
      daly_goodput(costs.segment_s, r.checkpoint_write_s, r.restart_s, mtbf_s);
  return result;
}

}  // namespace

double young_interval_s(double checkpoint_s, double mtbf_s) {
  return std::sqrt(2 * checkpoint_s * mtbf_s);
}

double daly_interval_s(double checkpoint_s, double mtbf_s) {
  if (checkpoint_s >= 2 * mtbf_s) return mtbf_s;
  const double ratio = checkpoint_s / (2 * mtbf_s);
  return young_interval_s(checkpoint_s, mtbf_s) * (1 + std::sqrt(ratio) / 3 + ratio / 9) -
         checkpoint_s;
}

double daly_goodput(double interval_s, double checkpoint_s, double restart_s, double mtbf_s) {
  return interval_s /
         (mtbf_s * std::exp(restart_s / mtbf_s) * std::expm1((interval_s + checkpoint_s) / mtbf_s));
}

FailingParts failing_parts(const Platform& platform) {
  if (!platform.is_wafer_system()) return {static_cast<double>(platform.pod().gpus)};
  const WaferSystem& system = platform.wafers();
  return {static_cast<double>(system.systems), static_cast<double>(swarmx_nodes(system)),
          static_cast<double>(system.memoryx.nodes)};
}

double system_mtbf_s(const Reliability& reliability, const FailingParts& parts) {
  double failures_per_s = 0;
  const auto add = [&](double count, double mtbf_s) {
    if (mtbf_s > 0) failures_per_s += count / mtbf_s;
  };
  add(parts.devices, reliability.device_mtbf_s);
  add(parts.swarmx_nodes, reliability.swarmx_mtbf_s);
  add(parts.memoryx_nodes, reliability.memoryx_mtbf_s);
  return 1 / failures_per_s;
}

GoodputReport simulate_goodput(const Reliability& reliability, const FailingParts& parts,
                               double step_s, double tokens_per_step, uint64_t seed) {
  GoodputReport report;
  report.system_mtbf_s = system_mtbf_s(reliability, parts);
  report.duration_s = reliability.duration_s;
  report.trials = reliability.trials;
  const double failures = report.duration_s / report.system_mtbf_s * report.trials;
  if (failures > kMostFailures)
    throw RunError(fmt::format(
        "goodput: one of {:g} devices fails every {:.3g} s, which is {:.3g} failures in {} runs of "
        "{:.3g} s, more than the {:.0e} that are simulated: raise goodput.device_mtbf_s",
        parts.devices, report.system_mtbf_s, failures, report.trials, report.duration_s,
        kMostFailures));
  report.young_interval_s = young_interval_s(reliability.checkpoint_write_s, report.system_mtbf_s);
  report.daly_interval_s = daly_interval_s(reliability.checkpoint_write_s, report.system_mtbf_s);
  const double asked_s = reliability.checkpoint_interval_s > 0 ? reliability.checkpoint_interval_s
                                                               : report.daly_interval_s;
  const auto simulate = [&](double interval_s) {
    return simulate_interval(reliability, interval_s, report.system_mtbf_s, step_s, tokens_per_step,
                             seed);
  };
  report.asked = simulate(asked_s);
  report.optimum = simulate(report.daly_interval_s);
  return report;
}

}  // namespace moesim
