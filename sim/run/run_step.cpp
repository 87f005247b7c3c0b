#include "run/run_step.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "engine/reference.hpp"
#include "engine/simulate.hpp"
#include "metrics/summarize.hpp"
#include "run/describe_run.hpp"
#include "run/goodput.hpp"
#include "run/invariants.hpp"
#include "run/pod_program.hpp"
#include "run/process_facts.hpp"
#include "run/simulation_size.hpp"
#include "run/step_energy.hpp"
#include "run/wafer_program.hpp"

namespace moesim {

namespace {

constexpr size_t kReportedResources = 4;  // of each kind

// Wall and processor time since it was made.
class Stopwatch {
 public:
  double wall_s() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  double cpu_s() const { return static_cast<double>(std::clock() - cpu_begin_) / CLOCKS_PER_SEC; }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::clock_t cpu_begin_ = std::clock();
};

// Executes the program. Returns the makespan without contention, 0 if it is not needed.
double simulate(LoweredProgram& lowered, Transport transport, const RunOptions& options,
                Execution& execution) {
  const bool uncontended = transport == Transport::uncontended;
  double contention_free_s = 0;
  if (uncontended || !options.step_time_only) {
    Execution reference = execute_reference(lowered.program(), lowered.fabric(), lowered.work());
    contention_free_s = reference.makespan_s;
    if (uncontended) execution = std::move(reference);
  }
  if (uncontended) return contention_free_s;
  EngineOptions engine;
  engine.all_activities = transport == Transport::flows;
  if (options.on_progress)
    engine.on_progress = [&](uint64_t done, uint64_t total, double simulated_s) {
      options.on_progress(static_cast<double>(done) / static_cast<double>(total), simulated_s);
    };
  execution = execute_simgrid(lowered.program(), lowered.fabric(), lowered.work(), engine);
  return contention_free_s;
}

void fill_rates(StepReport& report, const Scenario& scenario, const ProgramFacts& facts,
                double step_s) {
  const int64_t length = scenario.batch.sequence_length;
  report.device_noun = facts.device_noun;
  report.devices = facts.devices;
  report.step_time_s = step_s;
  report.tokens_per_step = static_cast<double>(facts.global_batch) * static_cast<double>(length);
  report.tokens_per_s = report.tokens_per_step / step_s;
  report.tokens_per_s_per_device = report.tokens_per_s / report.devices;
  report.model_flops_per_step = model_flops(scenario.workload, facts.global_batch, length) -
                                facts.zero_flops_per_token * report.tokens_per_step;
  const double flops_per_device = report.model_flops_per_step / step_s / report.devices;
  report.tflops_per_device = flops_per_device / 1e12;
  report.mfu = flops_per_device / facts.peak_flops;
}

void fill_loads(StepReport& report, const LoadStatistics& loads) {
  report.overload_factor = loads.overload_factor();
  for (size_t layer = 0; layer < loads.layer_sum.size(); ++layer) {
    const auto samples = static_cast<double>(loads.layer_samples[layer]);
    report.layer_overload.push_back(samples == 0 ? 0 : loads.layer_sum[layer] / samples);
  }
}

// Fills what says why the step takes as long as it does.
void fill_reasons(StepReport& report, LoweredProgram& lowered, const Execution& execution,
                  const LowerBound& bound) {
  report.lower_bound_s = std::min(bound.seconds, execution.makespan_s);  // rounding of sums
  report.lower_bound_by = bound.by;
  report.critical_path =
      critical_path(lowered.program(), lowered.fabric(), execution,
                    [&](uint32_t block, uint32_t task) { return lowered.flows(block, task); });
  report.resources =
      resource_use(lowered.program(), lowered.fabric(), execution, kReportedResources);
}

void fill_counts(SimulationFacts& facts, const Program& program, const Execution& execution) {
  facts.tasks = static_cast<uint64_t>(program.kernel_count());
  facts.activities = execution.tasks;
  facts.flows = execution.flows;
  facts.timers = execution.timers;
  facts.transfers = execution.transfers;
  facts.contended_transfers = execution.transfers_as_flows;
}

}  // namespace

std::unique_ptr<LoweredProgram> lower(const Scenario& scenario, uint64_t seed) {
  return scenario.platform.is_wafer_system() ? lower_for_wafers(scenario, seed)
                                             : lower_for_pod(scenario, seed);
}

RunResult run_step(const Scenario& scenario, const RunOptions& options) {
  const Stopwatch watch;
  refuse_beyond(scenario, options.most_memory_bytes);
  RunResult result;
  result.lowered = lower(scenario, options.seed);
  LoweredProgram& lowered = *result.lowered;
  const double setup_cpu_s = watch.cpu_s();
  if (options.before_simulation) options.before_simulation(lowered);

  const Transport transport = scenario.plan.transport;
  const double contention_free_s = simulate(lowered, transport, options, result.execution);
  const Execution& execution = result.execution;

  const ProgramFacts facts = lowered.facts();
  StepReport& report = result.report;
  report.scenario = scenario.name;
  report.moesim_version = options.version;
  report.simgrid_version = simgrid_version();
  report.seed = options.seed;
  report.fidelity = facts.fidelity;
  report.faults = describe(scenario.faults, scenario.platform.is_wafer_system());
  fill_rates(report, scenario, facts, execution.makespan_s);
  describe_run(report, lowered.resolved(scenario));
  const LoadStatistics loads = lowered.loads();
  fill_loads(report, loads);
  report.breakdown_s = mean(breakdown_by_rank(lowered.program(), execution), facts.rank_weights);
  fill_energy(report, scenario.platform, lowered.program());
  if (lowered.has_pipeline()) report.pipeline = pipeline_use(lowered.program(), execution);
  report.memory = lowered.memory(loads);
  lowered.observe_memory(execution.record, report.memory);
  if (scenario.goodput.asked())
    report.goodput = simulate_goodput(scenario.goodput, failing_parts(scenario.platform),
                                      report.step_time_s, report.tokens_per_step, options.seed);
  if (options.step_time_only) {
    check_invariants(report);
    return result;
  }
  fill_reasons(
      report, lowered, execution,
      transport == Transport::uncontended
          ? LowerBound{contention_free_s, "dependencies"}
          : lower_bound(lowered.program(), lowered.fabric(), execution, contention_free_s));
  fill_counts(report.simulation, lowered.program(), execution);
  report.simulation.folded = facts.folded;
  report.simulation.peak_rss_bytes = peak_rss_bytes();
  report.simulation.setup_cpu_s = setup_cpu_s;
  report.simulation.cpu_s = watch.cpu_s();
  report.simulation.wall_s = watch.wall_s();
  check_invariants(report);
  return result;
}

}  // namespace moesim
