#include "capacity/capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "batch/process_pool.hpp"
#include "batch/result_store.hpp"
#include "batch/stored_run.hpp"
#include "explain/knobs.hpp"
#include "run/known_band.hpp"
#include "run/run_step.hpp"
#include "search/search.hpp"
#include "search/search_report.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

constexpr const char* kUpgrades[] = {"FLOPS", "HBM bandwidth", "NVLink bandwidth", "NIC bandwidth"};
constexpr const char* kNotFinished = "the search ran out of time";
constexpr const char* kNotSimulated = "could not be simulated: a crash or no memory";

struct Candidate {
  const Machine* machine;
  int count;
  std::string name;  // of its file
};

std::string file_name(std::string text) {
  for (char& c : text)
    if (c == '/' || c == ' ') c = '_';
  return text;
}

class Planner {
 public:
  Planner(const CapacityStudy& study, const std::string& path, const CapacityOptions& options)
      : study_(study), path_(path), options_(options) {
    if (!options.folder.empty()) lock_ = std::make_unique<FolderLock>(options.folder);
    result_.file = study.file();
    for (const Machine& machine : study.file().machines)
      for (const int count : machine.counts) {
        std::string name = file_name(fmt::format("{}-{}", machine.platform, count));
        // The same machine with other settings.
        const auto same = [&](const Candidate& other) { return other.name == name; };
        for (int again = 2; std::any_of(candidates_.begin(), candidates_.end(), same); ++again)
          name = file_name(fmt::format("{}-{}-{}", machine.platform, count, again));
        candidates_.push_back({&machine, count, name});
      }
  }

  CapacityResult run() {
    describe();
    for (size_t i = 0; i < candidates_.size() && !result_.interrupted; ++i) add_row(i);
    if (result_.interrupted) return std::move(result_);
    result_.pareto = pareto_front(result_.rows, study_.file().tokens > 0);
    result_.smallest = smallest_in_time(result_.rows);
    result_.best = best_row(result_.rows);
    if (result_.best) upgrade(*result_.best);
    return std::move(result_);
  }

 private:
  void tell(const Candidate& c, const std::string& text) const {
    if (options_.on_progress)
      options_.on_progress(fmt::format("{} x {}: {}", c.machine->platform, c.count, text));
  }

  void describe() {
    const Scenario base = study_.base(*candidates_[0].machine, candidates_[0].count);
    result_.workload = base.workload.name;
    result_.batch = fmt::format("{} sequences of {} tokens a step", base.batch.global_batch,
                                base.batch.sequence_length);
  }

  void add_row(size_t index) {
    const Candidate& c = candidates_[index];
    Scenario base = study_.base(*c.machine, c.count);
    StoredRun run = kept(c.name, print_of(base));
    if (run.run.status.empty()) {
      run.run = {c.name, path_, {}, print_of(base), "", 0, 0, ""};
      find(c, run);
      if (result_.interrupted) return;
      if (run.is_done() || (run.run.message != kNotFinished && run.run.message != kNotSimulated))
        keep(run);  // an accident is no answer
    } else {
      ++result_.stored;
    }
    CapacityRow row;
    row.platform = c.machine->platform;
    row.devices = c.count;
    row.sets = run.run.set;
    row.reason = run.is_done() ? "" : run.run.message;
    row.report = std::move(run.report);
    if (run.run.message == kNotFinished) ++result_.unfinished;
    if (row.feasible()) {
      row.report.band = known_band(base, path_, row.report.step_time_s);
      const Scenario mapped = study_.scenario(*c.machine, c.count, row.sets);
      row.mapping =
          c.machine->wafers ? "as the file says" : mapping_name(mapped.plan, mapped.batch);
      fill_costs(row, study_.file(), *c.machine, base, options_.seed);
    }
    result_.rows.push_back(std::move(row));
  }

  // Changes with all that the simulations of a candidate depend on; failures do not.
  std::string print_of(Scenario base) const {
    base.goodput = {};
    const CapacitySearch& search = study_.file().search;
    return fingerprint(
        input_text(base) + fmt::format("seed {} free {} tight {} time {}", options_.seed,
                                       search.free, search.allow_tight, time_s()),
        {}, options_.version);
  }

  double time_s() const {
    return options_.time_s > 0 ? options_.time_s : study_.file().search.time_s;
  }

  LoadMapping loader(const Candidate& c) const {
    return [this, c](const std::vector<std::string>& sets) {
      Scenario scenario = sets.empty() ? study_.base(*c.machine, c.count)
                                       : study_.scenario(*c.machine, c.count, sets);
      scenario.goodput = {};
      return scenario;
    };
  }

  void find(const Candidate& c, StoredRun& run) {
    if (c.machine->wafers)
      run_as_is(c, run);
    else
      search_mapping(c, run);
    if (!run.is_done()) run.run.status = spelling(Outcome::Status::failed);
  }

  // Wafers have no mapping to search.
  void run_as_is(const Candidate& c, StoredRun& run) {
    tell(c, "simulating");
    try {
      Scenario scenario = study_.scenario(*c.machine, c.count, {});
      scenario.goodput = {};
      simulate({{"", scenario}}, false, [&](const std::string&, const StepReport& report) {
        run.report = report;
        run.run.status = spelling(Outcome::Status::done);
      });
    } catch (const InputError& error) {
      run.run.message = error.problems().items().front().message;
    }
    if (run.is_done() && !run.report.fits()) run.run.status.clear();
    if (run.is_done() || !run.run.message.empty()) return;
    run.run.message = run.report.memory.empty() ? kNotSimulated : "out of memory";
  }

  void search_mapping(const Candidate& c, StoredRun& run) {
    const CapacitySearch& asked = study_.file().search;
    SearchOptions options;
    if (!asked.free.empty()) options.free = parse_axes(asked.free);
    options.top = 1;
    options.more_finalists = 1;
    options.time_s = time_s() / static_cast<double>(candidates_.size());
    options.allow_tight = asked.allow_tight;
    options.seed = options_.seed;
    options.version = options_.version;
    options.jobs = options_.jobs;
    options.on_progress = [&](const std::string& text) { tell(c, text); };
    const SearchResult found = search(loader(c), options);
    result_.interrupted = found.interrupted;
    if (found.interrupted) return;
    if (found.best.empty()) {
      run.run.message = found.estimated < found.fitting ? kNotFinished : most_frequent(found);
      return;
    }
    run.run.status = spelling(Outcome::Status::done);
    run.run.set = found.best[0].sets;
    run.report = found.best[0].report;
    if (found.estimated < found.fitting) run.run.message = kNotFinished;
  }

  static std::string most_frequent(const SearchResult& found) {
    const auto most =
        std::max_element(found.rejected.begin(), found.rejected.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == found.rejected.end()) return "no mapping divides these sizes";
    return fmt::format("no mapping: {} of {} {}", most->second, found.mappings, most->first);
  }

  using Named = std::pair<std::string, Scenario>;
  void simulate(const std::vector<Named>& steps, bool time_only,
                const std::function<void(const std::string&, const StepReport&)>& take) {
    std::vector<Job> jobs;
    for (const Named& step : steps)
      jobs.push_back({step.first, [&step, time_only, this] {
                        RunOptions run;
                        run.seed = options_.seed;
                        run.version = options_.version;
                        run.step_time_only = time_only;
                        return packed(run_step(step.second, run).report);
                      }});
    PoolOptions pool;
    pool.jobs = options_.jobs;
    const PoolResult ran = run_jobs(jobs, pool);
    result_.interrupted = result_.interrupted || ran.interrupted;
    for (size_t i = 0; i < jobs.size(); ++i)
      if (ran.outcomes[i].status == Outcome::Status::done)
        take(jobs[i].name, unpacked<StepReport>(ran.outcomes[i].output));
  }

  // Simulates the step of a row again, with more of one quantity at a time.
  void upgrade(size_t index) {
    const Candidate& c = candidates_[index];
    const CapacityRow& row = result_.rows[index];
    if (c.machine->wafers) return;
    const Scenario scenario = study_.scenario(*c.machine, c.count, row.sets);
    std::vector<Named> missing;
    const std::string print = print_of(study_.base(*c.machine, c.count));
    for (const Knob& knob : knobs_of(scenario, kUpgrade).varied) {
      if (std::find(std::begin(kUpgrades), std::end(kUpgrades), knob.name) == std::end(kUpgrades))
        continue;
      result_.upgrades.push_back({knob.name, 0});
      const StoredRun run = kept(upgrade_name(c, knob.name), print);
      if (run.is_done() && run.run.set == with(row.sets, knob)) {
        result_.upgrades.back().step_time_s = run.report.step_time_s;
        continue;
      }
      missing.emplace_back(knob.name, study_.scenario(*c.machine, c.count, with(row.sets, knob)));
      missing.back().second.goodput = {};
    }
    if (!missing.empty()) tell(c, "simulating what 10 % more would bring");
    simulate(missing, true, [&](const std::string& name, const StepReport& report) {
      for (Upgrade& u : result_.upgrades)
        if (u.quantity == name) u.step_time_s = report.step_time_s;
      std::vector<std::string> sets = row.sets;
      for (const Knob& knob : knobs_of(scenario, kUpgrade).varied)
        if (knob.name == name) sets = with(row.sets, knob);
      keep({{upgrade_name(c, name), path_, sets, print, spelling(Outcome::Status::done), 0, 0, ""},
            report});
    });
    std::erase_if(result_.upgrades, [](const Upgrade& u) { return u.step_time_s <= 0; });
    std::stable_sort(
        result_.upgrades.begin(), result_.upgrades.end(),
        [](const Upgrade& a, const Upgrade& b) { return a.step_time_s < b.step_time_s; });
  }

  static std::vector<std::string> with(std::vector<std::string> sets, const Knob& knob) {
    sets.insert(sets.end(), knob.high_sets.begin(), knob.high_sets.end());
    return sets;
  }
  static std::string upgrade_name(const Candidate& c, const std::string& knob) {
    return file_name(c.name + "+" + knob);
  }

  fs::path path_of(const std::string& name) const {
    return fs::path(options_.folder) / (name + ".json");
  }
  // Returns a run without a status where there is none of this fingerprint.
  StoredRun kept(const std::string& name, const std::string& print) const {
    if (options_.folder.empty()) return {};
    auto stored = read_stored_run(path_of(name));
    return stored && stored->run.fingerprint == print ? std::move(*stored) : StoredRun{};
  }
  void keep(const StoredRun& run) const {
    if (options_.folder.empty()) return;
    replace_file(path_of(run.run.name).string(), stored_run_json(run, {.machine_facts = false}));
  }

  const CapacityStudy& study_;
  const std::string& path_;
  const CapacityOptions& options_;
  std::unique_ptr<FolderLock> lock_;
  std::vector<Candidate> candidates_;
  CapacityResult result_;
};

}  // namespace

CapacityResult plan_capacity(const CapacityStudy& study, const std::string& path,
                             const CapacityOptions& options) {
  return Planner(study, path, options).run();
}

}  // namespace moesim
