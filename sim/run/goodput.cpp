#include "run/goodput.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <vector>

#include "base/random.hpp"
#include "base/statistics.hpp"

namespace moesim {

namespace {

constexpr uint64_t kFailures = 0xfa11;
constexpr double kDay = 86400;

enum class Event { segment_done, checkpoint_done, restart_done, failure };

// Wall time by what it went to.
struct Spent {
  double kept_s = 0, checkpoint_s = 0, lost_s = 0, restart_s = 0;
  int failures = 0;
};

struct Costs {
  double segment_s = 0;  // steps between two checkpoints
  double step_s = 0;
  double checkpoint_s = 0, restart_s = 0, mtbf_s = 0, duration_s = 0;
};

class TrainingRun {
 public:
  TrainingRun(const Costs& costs, Random random) : costs_(costs), random_(random) {}

  Spent run() {
    begin(Event::segment_done, costs_.segment_s);
    fail_later();
    while (events_.top().time_s < costs_.duration_s) {
      const Scheduled event = events_.top();
      events_.pop();
      if (event.what != Event::failure && event.epoch != epoch_) continue;  // a failure came first
      now_ = event.time_s;
      handle(event.what);
    }
    now_ = costs_.duration_s;
    stop();
    return spent_;
  }

 private:
  struct Scheduled {
    double time_s;
    Event what;
    uint64_t epoch;
    bool operator<(const Scheduled& other) const { return time_s > other.time_s; }
  };

  void begin(Event ends_with, double duration_s) {
    doing_ = ends_with;
    since_s_ = now_;
    events_.push({now_ + duration_s, ends_with, epoch_});
  }

  void fail_later() {
    events_.push({now_ - costs_.mtbf_s * std::log(1 - random_.uniform()), Event::failure, epoch_});
  }

  void handle(Event event) {
    switch (event) {
      case Event::segment_done:
        unsaved_s_ = costs_.segment_s;
        return begin(Event::checkpoint_done, costs_.checkpoint_s);
      case Event::checkpoint_done:
        spent_.kept_s += unsaved_s_;
        spent_.checkpoint_s += now_ - since_s_;
        unsaved_s_ = 0;
        return begin(Event::segment_done, costs_.segment_s);
      case Event::restart_done:
        spent_.restart_s += now_ - since_s_;
        return begin(Event::segment_done, costs_.segment_s);
      case Event::failure:
        ++spent_.failures;
        ++epoch_;
        (doing_ == Event::restart_done ? spent_.restart_s : spent_.lost_s) +=
            unsaved_s_ + now_ - since_s_;
        unsaved_s_ = 0;
        begin(Event::restart_done, costs_.restart_s);
        return fail_later();
    }
  }

  // The end of the run: whole steps of the segment under way are kept.
  void stop() {
    const double partial_s = now_ - since_s_;
    spent_.kept_s += unsaved_s_;
    if (doing_ == Event::checkpoint_done) spent_.checkpoint_s += partial_s;
    if (doing_ == Event::restart_done) spent_.restart_s += partial_s;
    if (doing_ == Event::segment_done)
      spent_.kept_s += std::floor(partial_s / costs_.step_s) * costs_.step_s;
  }

  Costs costs_;
  Random random_;
  std::priority_queue<Scheduled> events_;
  double now_ = 0, since_s_ = 0, unsaved_s_ = 0;
  Event doing_ = Event::segment_done;
  uint64_t epoch_ = 0;
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
  result.ci95_low = fractions.ci95_low;
  result.ci95_high = fractions.ci95_high;
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

GoodputReport simulate_goodput(const Reliability& reliability, int devices, double step_s,
                               double tokens_per_step, uint64_t seed) {
  GoodputReport report;
  report.system_mtbf_s = reliability.device_mtbf_s / devices;
  report.duration_s = reliability.duration_s;
  report.trials = reliability.trials;
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
