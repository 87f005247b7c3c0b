#include "search/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/diagnostics.hpp"
#include "plan/mapping.hpp"
#include "report/json.hpp"
#include "run/pod_memory.hpp"
#include "run/run_step.hpp"

namespace moesim {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kTimeoutFactor = 0.5;  // of the time, for one simulation

struct Candidate {
  std::vector<std::string> sets;
  Scenario scenario;
  int microbatches = 0;
  double estimate_s = 0;
};

int microbatches_of(const Scenario& scenario) {
  const Pod& pod = scenario.platform.pod();
  return derive_mapping(scenario.plan, pod.gpus, pod.gpus_per_node, scenario.batch).microbatches;
}

Scenario shortened(Scenario scenario, int all, int microbatches) {
  scenario.batch.global_batch = scenario.batch.global_batch / all * microbatches;
  return scenario;
}

class Search {
 public:
  Search(const LoadMapping& load, const SearchOptions& options) : load_(load), options_(options) {}

  SearchResult run() {
    enumerate();
    estimate();
    if (!result_.interrupted) simulate_best();
    return std::move(result_);
  }

 private:
  void tell(const std::string& text) const {
    if (options_.on_progress) options_.on_progress(text);
  }

  // Looks at variants that recompute least first: of those that differ in nothing else, the first
  // that fits is the fastest.
  void enumerate() {
    const Scenario base = load_({});
    if (base.platform.is_wafer_system())
      throw InputError("a search is over mappings of GPU pods; this platform is a wafer system");
    const std::vector<Mapped> all = mappings(base, options_.free);
    result_.mappings = static_cast<int>(all.size());
    std::set<std::string> fitting;
    for (size_t i = 0; i < all.size(); ++i) {
      if (i % 50 == 0) tell(fmt::format("looked at {} of {} mappings", i, all.size()));
      if (fitting.count(all[i].variant))
        ++result_.rejected["recomputes more than it needs to fit"];
      else if (accept(all[i].sets))
        fitting.insert(all[i].variant);
    }
    result_.fitting = static_cast<int>(candidates_.size());
  }

  bool accept(const std::vector<std::string>& sets) {
    Candidate candidate{sets, {}, 0, 0};
    try {
      candidate.scenario = load_(sets);
    } catch (const InputError& error) {
      const auto& problems = error.problems().items();
      ++result_.rejected["refused: " + (problems.empty() ? error.what() : problems[0].path)];
      return false;
    }
    Scenario balanced = candidate.scenario;  // finding hot ranks takes longer than the rest
    balanced.routing = {};
    balanced.routing.redundant_experts = candidate.scenario.routing.redundant_experts;
    balanced.routing.placement = candidate.scenario.routing.placement;
    for (const StageMemory& stage : forecast_memory(balanced, options_.seed)) {
      if (stage.fits && (stage.verdict == "fits" || options_.allow_tight)) continue;
      ++result_.rejected[stage.fits ? "tight in memory" : "out of memory"];
      return false;
    }
    candidate.microbatches = microbatches_of(candidate.scenario);
    candidates_.push_back(std::move(candidate));
    return true;
  }

  Job short_job(const Scenario& scenario) const {
    return {"short step", [scenario, seed = options_.seed] {
              RunOptions run;
              run.seed = seed;
              run.step_time_only = true;
              return fmt::format("{:.17g}", run_step(scenario, run).report.step_time_s);
            }};
  }

  PoolOptions pool() const {
    PoolOptions pool;
    pool.jobs = options_.jobs;
    pool.timeout_s = kTimeoutFactor * options_.time_s;
    return pool;
  }

  // Some at a time, so that the clock is looked at between.
  void estimate() {
    const auto begin = Clock::now();
    const size_t at_once = static_cast<size_t>(4 * options_.jobs);
    for (size_t first = 0; first < candidates_.size(); first += at_once) {
      const double spent = std::chrono::duration<double>(Clock::now() - begin).count();
      if (spent > options_.time_s) break;
      tell(fmt::format("estimated {} of {} that fit, {:.0f} s", first, candidates_.size(), spent));
      estimate(first, std::min(candidates_.size(), first + at_once));
      if (result_.interrupted) return;
    }
    std::erase_if(candidates_, [](const Candidate& c) { return !(c.estimate_s > 0); });
    std::stable_sort(
        candidates_.begin(), candidates_.end(),
        [](const Candidate& a, const Candidate& b) { return a.estimate_s < b.estimate_s; });
  }

  void estimate(size_t first, size_t end) {
    std::vector<Job> jobs;
    for (size_t i = first; i < end; ++i) {
      const Candidate& c = candidates_[i];
      const ShortSteps steps = short_steps(c.scenario.plan, c.microbatches);
      if (steps.first == 0) {
        jobs.push_back(short_job(c.scenario));
        continue;
      }
      for (const int microbatches : {steps.first, steps.second})
        jobs.push_back(short_job(shortened(c.scenario, c.microbatches, microbatches)));
    }
    const PoolResult ran = run_jobs(jobs, pool());
    result_.interrupted = ran.interrupted;
    if (ran.interrupted) return;
    size_t job = 0;
    for (size_t i = first; i < end; ++i) {
      Candidate& c = candidates_[i];
      const ShortSteps steps = short_steps(c.scenario.plan, c.microbatches);
      const Outcome& one = ran.outcomes[job++];
      const Outcome& two = steps.first == 0 ? one : ran.outcomes[job++];
      ++result_.estimated;
      if (one.status != Outcome::Status::done || two.status != Outcome::Status::done) {
        ++result_.rejected["could not be simulated"];
        continue;
      }
      const double first_s = std::stod(one.output), second_s = std::stod(two.output);
      c.estimate_s = second_s;
      if (steps.first > 0)
        c.estimate_s +=
            (second_s - first_s) / (steps.second - steps.first) * (c.microbatches - steps.second);
    }
  }

  void simulate_best() {
    const size_t finalists =
        std::min(candidates_.size(), static_cast<size_t>(options_.top + options_.more_finalists));
    std::vector<Job> jobs;
    for (size_t i = 0; i < finalists; ++i)
      jobs.push_back({"step", [&scenario = candidates_[i].scenario, this] {
                        RunOptions run;
                        run.seed = options_.seed;
                        run.version = options_.version;
                        return packed(run_step(scenario, run).report);
                      }});
    tell(fmt::format("simulating the best {} whole", finalists));
    PoolOptions whole = pool();
    whole.timeout_s = 0;
    const PoolResult ran = run_jobs(jobs, whole);
    result_.interrupted = ran.interrupted;
    for (size_t i = 0; i < finalists; ++i) {
      if (ran.outcomes[i].status != Outcome::Status::done) {
        ++result_.rejected["could not be simulated"];
        continue;
      }
      ++result_.simulated;
      FoundMapping found{candidates_[i].sets, candidates_[i].estimate_s,
                         unpacked<StepReport>(ran.outcomes[i].output)};
      if (found.report.fits())
        result_.best.push_back(std::move(found));
      else
        ++result_.rejected["out of memory with the routing's hot ranks"];
    }
    std::stable_sort(result_.best.begin(), result_.best.end(),
                     [](const FoundMapping& a, const FoundMapping& b) {
                       return a.report.step_time_s < b.report.step_time_s;
                     });
    if (result_.best.size() > static_cast<size_t>(options_.top))
      result_.best.resize(static_cast<size_t>(options_.top));
  }

  const LoadMapping& load_;
  const SearchOptions& options_;
  std::vector<Candidate> candidates_;
  SearchResult result_;
};

}  // namespace

// The pipeline is full in both, so that their difference is that of steady microbatches.
ShortSteps short_steps(const Plan& plan, int microbatches) {
  const ShortSteps steps = plan.pp == 1 ? ShortSteps{2, 4} : ShortSteps{2 * plan.pp, 4 * plan.pp};
  return microbatches > steps.second + steps.first ? steps : ShortSteps{};
}

SearchResult search(const LoadMapping& load, const SearchOptions& options) {
  return Search(load, options).run();
}

}  // namespace moesim
