#include "run/run_step.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "engine/reference.hpp"
#include "engine/simulate.hpp"
#include "metrics/summarize.hpp"
#include "plan/stage_memory.hpp"
#include "run/describe_run.hpp"
#include "run/goodput.hpp"
#include "run/process_facts.hpp"
#include "run/run_wafer_step.hpp"

namespace moesim {

namespace {

constexpr size_t kReportedResources = 4;  // of each kind

std::string folded_text(const StepContext& context) {
  const Mapping& mapping = context.mapping;
  if (mapping.simulated_cells == mapping.cells) return "";
  return fmt::format(
      "{} of {} data-parallel replicas of {} ranks per stage simulated, {} of {} devices{}",
      mapping.simulated_cells, mapping.cells, mapping.cell, context.fabric.ranks.size(),
      mapping.world,
      mapping.alike
          ? ""
          : "; replicas do not line up with nodes alike: those over most nodes simulated");
}

std::string fidelity_text(const Plan& plan) {
  static constexpr const char* forms[] = {"auto", "flat", "port_balanced", "hierarchical",
                                          "closed_form"};
  static constexpr const char* transports[] = {"adaptive", "flows", "uncontended"};
  return fmt::format("all-to-all {}, transport {}", forms[static_cast<int>(plan.all_to_all)],
                     transports[static_cast<int>(plan.transport)]);
}

std::vector<double> overload_by_stage(const StepContext& context, const LoadStatistics& loads) {
  std::vector<double> overload;
  for (int stage = 0; stage < context.plan.pp; ++stage) {
    std::vector<int> layers;
    for (int index = 0; index < context.pipeline.chunks; ++index) {
      const std::vector<int>& more = context.chunk(stage, index).layers;
      layers.insert(layers.end(), more.begin(), more.end());
    }
    overload.push_back(loads.overload_of(layers));
  }
  return overload;
}

std::vector<StageMemory> memory_rows(const StepContext& context, const LoadStatistics& loads) {
  std::vector<StageMemory> rows;
  const std::vector<double> overload = overload_by_stage(context, loads);
  const auto needs = stage_memory(context.model, context.plan, context.mapping, context.shard,
                                  context.chunks, overload);
  for (size_t stage = 0; stage < needs.size(); ++stage) {
    StageMemory row;
    row.stage = static_cast<int>(stage);
    row.parameters_bytes = needs[stage].state.parameters;
    row.gradients_bytes = needs[stage].state.gradients;
    row.optimizer_bytes = needs[stage].state.optimizer;
    row.activations_bytes = needs[stage].activations_bytes;
    row.total_bytes = needs[stage].state.total() + needs[stage].activations_bytes;
    row.capacity_bytes = context.pod.device.memory_bytes;
    row.fits = row.total_bytes <= row.capacity_bytes;
    rows.push_back(row);
  }
  return rows;
}

void fill_rates(StepReport& report, const StepContext& context, double step_s) {
  const Batch& batch = context.input.batch;
  report.devices = context.mapping.world;
  report.step_time_s = step_s;
  report.tokens_per_step = static_cast<double>(batch.global_batch) * batch.sequence_length;
  report.tokens_per_s = report.tokens_per_step / step_s;
  report.tokens_per_s_per_device = report.tokens_per_s / report.devices;
  report.model_flops_per_step =
      model_flops(context.model, batch.global_batch, batch.sequence_length);
  const double flops_per_device = report.model_flops_per_step / step_s / report.devices;
  report.tflops_per_device = flops_per_device / 1e12;
  // Against the peak of the precision that the GEMMs run in.
  report.mfu =
      flops_per_device / peak_flops(context.pod.device, gemm_precision(context.plan.precision));
}

void fill_loads(StepReport& report, const LoadStatistics& loads) {
  report.overload_factor = loads.overload_factor();
  for (size_t layer = 0; layer < loads.layer_sum.size(); ++layer)
    report.layer_overload.push_back(loads.layer_samples[layer] == 0
                                        ? 0
                                        : loads.layer_sum[layer] /
                                              static_cast<double>(loads.layer_samples[layer]));
}

// Gives the length of the longest path without contention, where that is asked for.
double simulate(LoweredStep& step, const RunOptions& options, Execution& execution) {
  const Fabric& fabric = step.context.fabric;
  const bool uncontended = step.context.plan.transport == Transport::uncontended;
  double contention_free_s = 0;
  if (uncontended || !options.step_time_only) {
    Execution reference = execute_reference(step.program, fabric, *step.work);
    contention_free_s = reference.makespan_s;
    if (uncontended) execution = std::move(reference);
  }
  if (uncontended) return contention_free_s;
  EngineOptions engine;
  engine.all_activities = step.context.plan.transport == Transport::flows;
  if (options.on_progress)
    engine.on_progress = [&](uint64_t done, uint64_t total, double simulated_s) {
      options.on_progress(static_cast<double>(done) / static_cast<double>(total), simulated_s);
    };
  execution = execute_simgrid(step.program, fabric, *step.work, engine);
  return contention_free_s;
}

void add_goodput(const Scenario& scenario, uint64_t seed, StepReport& report) {
  if (scenario.goodput.asked())
    report.goodput = simulate_goodput(scenario.goodput, report.devices, report.step_time_s,
                                      report.tokens_per_step, seed);
}

// Of each simulated rank in figures of the mean device.
std::vector<double> rank_weights(const StepContext& context) {
  const Mapping& mapping = context.mapping;
  std::vector<double> weights;
  for (size_t rank = 0; rank < context.fabric.ranks.size() && !mapping.cell_weights.empty(); ++rank)
    weights.push_back(mapping.cell_weights[rank / mapping.cell % mapping.simulated_cells]);
  return weights;
}

}  // namespace

RunResult run_step(const Scenario& scenario, const RunOptions& options) {
  if (scenario.platform.is_wafer_system()) {
    RunResult wafers = run_wafer_step(scenario, options);
    add_goodput(scenario, options.seed, wafers.report);
    return wafers;
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  RunResult result;
  result.step = lower_step({scenario.workload, scenario.platform.pod(), scenario.plan,
                            scenario.routing, scenario.batch, options.seed, scenario.faults});
  LoweredStep& step = *result.step;
  const StepContext& context = step.context;
  const double setup_cpu_s = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  if (options.before_simulation) options.before_simulation(context);

  const double contention_free_s = simulate(step, options, result.execution);
  const Execution& execution = result.execution;

  StepReport& report = result.report;
  report.scenario = scenario.name;
  report.moesim_version = options.version;
  report.simgrid_version = simgrid_version();
  report.seed = options.seed;
  report.fidelity = fidelity_text(scenario.plan);
  fill_rates(report, context, execution.makespan_s);
  describe_run(report, scenario);
  fill_loads(report, step.work->statistics());
  report.breakdown_s = mean(breakdown_by_rank(step.program, execution), rank_weights(context));
  report.pipeline = pipeline_use(step.program, execution);
  report.faults = describe(scenario.faults);
  add_goodput(scenario, options.seed, report);
  report.memory = memory_rows(context, step.work->statistics());
  if (options.step_time_only) return result;
  const LowerBound bound =
      scenario.plan.transport == Transport::uncontended
          ? LowerBound{contention_free_s, "dependencies"}
          : lower_bound(step.program, context.fabric, execution, contention_free_s);
  report.lower_bound_s = bound.seconds;
  report.lower_bound_by = bound.by;
  report.critical_path = critical_path(
      step.program, context.fabric, execution, [&step](uint32_t block_id, uint32_t task) {
        const Block& block = step.program.blocks[block_id];
        return step.work->flows(block, step.program.templates[block.graph].tasks[task]);
      });
  report.resources = resource_use(step.program, context.fabric, execution, kReportedResources);
  SimulationFacts& facts = report.simulation;
  facts.tasks = static_cast<uint64_t>(step.program.kernel_count());
  facts.activities = execution.tasks;
  facts.flows = execution.flows;
  facts.timers = execution.timers;
  facts.transfers = execution.transfers;
  facts.contended_transfers = execution.transfers_as_flows;
  facts.folded = folded_text(context);
  facts.peak_rss_bytes = peak_rss_bytes();
  facts.setup_cpu_s = setup_cpu_s;
  facts.cpu_s = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  facts.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

std::string rank_label(const StepContext& context, uint32_t simulated_rank) {
  const Mapping& mapping = context.mapping;
  const RankPlace& place = context.fabric.ranks[simulated_rank];
  const int local = place.global_rank % mapping.ranks_per_stage % mapping.cell;
  std::string label = fmt::format("rank {} ·", place.global_rank);
  if (context.plan.pp > 1)
    label += fmt::format(" pp{}", place.global_rank / mapping.ranks_per_stage);
  if (context.plan.tp > 1) label += fmt::format(" tp{}", local % context.plan.tp);
  if (context.plan.ep > 1)
    label += fmt::format(" ep{}", local / context.plan.etp % context.plan.ep);
  return label + fmt::format(" · node {} gpu {}", place.node, place.gpu);
}

}  // namespace moesim
