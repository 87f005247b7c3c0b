#include "run/run_wafer_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "engine/reference.hpp"
#include "engine/simulate.hpp"
#include "metrics/summarize.hpp"
#include "model/parameters.hpp"
#include "run/describe_run.hpp"
#include "run/process_facts.hpp"

namespace moesim {

namespace {

constexpr size_t kReportedResources = 4;  // of each kind
constexpr double kFp32Bytes = 4;
constexpr double kGoodEnough = 0.99;  // of the best throughput

std::vector<StageMemory> memory_rows(const WaferContext& context) {
  const WaferMemory& sram = context.plan.memory;
  StageMemory wafer;
  wafer.name = "SRAM";
  wafer.parameters_bytes = sram.weights;
  wafer.gradients_bytes = sram.gradients;
  wafer.activations_bytes = sram.saved + sram.spilling + sram.hidden + sram.working();
  wafer.total_bytes = sram.total();
  wafer.capacity_bytes = context.system.wafer.sram_bytes;
  wafer.fits = wafer.total_bytes <= wafer.capacity_bytes;
  if (!wafer.fits) wafer.breaks_it = sram.largest();

  double parameters = total_parameters(context.model);
  for (int layer = context.model.layers; layer < context.layers(); ++layer)
    parameters +=
        layer_parameters(context.model, layer).total() + mtp_extra_parameters(context.model);
  const MemoryX& memoryx = context.system.memoryx;
  StageMemory store;
  store.stage = 1;
  store.name = "MemoryX";
  store.parameters_bytes = parameters * memoryx.weight_wire_bytes;
  store.gradients_bytes = parameters * kFp32Bytes;
  store.optimizer_bytes =
      parameters * memoryx.state_bytes - store.parameters_bytes - store.gradients_bytes;
  store.total_bytes = parameters * memoryx.state_bytes;
  store.capacity_bytes = memoryx.capacity_bytes;
  store.fits = store.total_bytes <= store.capacity_bytes;
  if (!store.fits) store.breaks_it = "model state";
  return {wafer, store};
}

std::string fidelity_text(const WaferContext& context) {
  const WaferPlan& plan = context.plan;
  const auto many = [](size_t count, const char* noun, const char* plural) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : plural);
  };
  // A step that is smaller than asked for fills fewer tiles.
  const int batch = std::min(plan.attention_batch, plan.microbatches.front());
  const int tiles = (plan.microbatches.front() + batch - 1) / batch;
  return fmt::format("{} of {}, {}{}", many(tiles, "attention tile", "s"),
                     many(batch, "sequence", "s"),
                     many(plan.microbatches.size(), "microbatch", "es"),
                     plan.spill ? ", saved activations on the host" : "");
}

void fill_rates(StepReport& report, const WaferContext& context, double step_s) {
  const int64_t length = context.input.batch.sequence_length;
  const int sequences = context.plan.global_batch();
  report.devices = context.plan.systems;
  report.step_time_s = step_s;
  report.tokens_per_step = static_cast<double>(sequences) * static_cast<double>(length);
  report.tokens_per_s = report.tokens_per_step / step_s;
  report.tokens_per_s_per_device = report.tokens_per_s / report.devices;
  report.model_flops_per_step = model_flops(context.model, sequences, length);
  const double flops_per_device = report.model_flops_per_step / step_s / report.devices;
  report.tflops_per_device = flops_per_device / 1e12;
  report.mfu = flops_per_device / context.system.wafer.peak_flops();
}

void fill_loads(StepReport& report, const LoadStatistics& loads) {
  report.overload_factor = loads.overload_factor();
  for (size_t layer = 0; layer < loads.layer_sum.size(); ++layer)
    report.layer_overload.push_back(loads.layer_samples[layer] == 0
                                        ? 0
                                        : loads.layer_sum[layer] /
                                              static_cast<double>(loads.layer_samples[layer]));
}

void fill_facts(SimulationFacts& facts, const LoweredWaferStep& step, const Execution& execution) {
  facts.tasks = static_cast<uint64_t>(step.program.kernel_count());
  facts.activities = execution.tasks;
  facts.flows = execution.flows;
  facts.timers = execution.timers;
  facts.transfers = execution.transfers;
  facts.contended_transfers = execution.transfers_as_flows;
  const WaferPlan& plan = step.context.plan;
  if (plan.simulated < plan.systems)
    facts.folded = fmt::format(
        "{} of {} wafers simulated; broadcast and reduction load each link once for all",
        plan.simulated, plan.systems);
  facts.peak_rss_bytes = peak_rss_bytes();
}

WaferStepInput settled(const Scenario& scenario, const RunOptions& options) {
  WaferStepInput input{scenario.workload, scenario.platform.wafers(),
                       scenario.plan,     scenario.routing,
                       scenario.batch,    options.seed};
  if (input.plan.attention_tiles == 0) {
    const int tiles = best_attention_tiles(input);
    // What was the largest attention batch for one tile stays the attention batch.
    Plan one = input.plan;
    one.attention_tiles = 1;
    input.plan.attention_batch =
        derive_wafer_plan(input.model, input.system, one, input.batch).attention_batch;
    input.plan.attention_tiles = tiles;
  }
  return input;
}

// The scenario with what was chosen for it.
Scenario resolved(Scenario scenario, const WaferContext& context) {
  scenario.plan = context.input.plan;
  scenario.plan.attention_tiles = context.plan.attention_tiles;
  scenario.plan.attention_batch = context.plan.attention_batch;
  scenario.batch.global_batch = context.plan.global_batch();
  return scenario;
}

}  // namespace

int best_attention_tiles(const WaferStepInput& input) {
  std::vector<std::pair<int, double>> tried;
  double best = 0;
  WaferStepInput one = input;
  one.plan.attention_tiles = 1;
  one.plan.simulated_replicas = 1;
  one.plan.attention_batch =
      derive_wafer_plan(input.model, input.system, one.plan, input.batch).attention_batch;
  one.batch.global_batch = 0;
  for (const int tiles : wafer_tile_choices(input.model, input.system, input.plan, input.batch)) {
    one.plan.attention_tiles = tiles;
    const auto step = lower_wafer_step(one);
    const double seconds =
        execute_reference(step->program, step->context.fabric.fabric, *step->work).makespan_s -
        input.system.step_latency_s;  // paid once a step, whatever the microbatches
    const double rate = step->context.plan.microbatches[0] / seconds;
    tried.emplace_back(tiles, rate);
    best = std::max(best, rate);
  }
  for (const auto& [tiles, rate] : tried)
    if (rate >= kGoodEnough * best) return tiles;
  return 1;
}

RunResult run_wafer_step(const Scenario& scenario, const RunOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  RunResult result;
  result.wafer_step = lower_wafer_step(settled(scenario, options));
  LoweredWaferStep& step = *result.wafer_step;
  const WaferContext& context = step.context;
  const Fabric& fabric = context.fabric.fabric;
  const double setup_cpu_s = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;

  if (options.before_wafer_simulation) options.before_wafer_simulation(context);

  const double contention_free_s = execute_reference(step.program, fabric, *step.work).makespan_s;
  EngineOptions engine;
  engine.all_activities = scenario.plan.transport == Transport::flows;
  if (options.on_progress)
    engine.on_progress = [&](uint64_t done, uint64_t total, double simulated_s) {
      options.on_progress(static_cast<double>(done) / static_cast<double>(total), simulated_s);
    };
  result.execution = execute_simgrid(step.program, fabric, *step.work, engine);
  const Execution& execution = result.execution;

  StepReport& report = result.report;
  report.scenario = scenario.name;
  report.moesim_version = options.version;
  report.simgrid_version = simgrid_version();
  report.seed = options.seed;
  report.fidelity = fidelity_text(context);
  report.device_noun = "wafer";
  fill_rates(report, context, execution.makespan_s);
  describe_run(report, resolved(scenario, context));
  fill_loads(report, step.work->statistics());
  const auto ranks = breakdown_by_rank(step.program, execution);
  report.breakdown_s = mean(std::span(ranks).first(context.fabric.wafers));
  report.memory = memory_rows(context);
  const LowerBound bound = lower_bound(step.program, fabric, execution, contention_free_s);
  report.lower_bound_s = std::min(bound.seconds, execution.makespan_s);  // rounding of sums
  report.lower_bound_by = bound.by;
  report.critical_path =
      critical_path(step.program, fabric, execution, [&step](uint32_t block_id, uint32_t task) {
        const Block& block = step.program.blocks[block_id];
        return step.work->flows(block, step.program.templates[block.graph].tasks[task]);
      });
  report.resources = resource_use(step.program, fabric, execution, kReportedResources);
  fill_facts(report.simulation, step, execution);
  report.simulation.setup_cpu_s = setup_cpu_s;
  report.simulation.cpu_s = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  report.simulation.wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

std::string wafer_label(const WaferContext& context, uint32_t rank) {
  if (rank == context.fabric.memoryx_rank()) return "MemoryX";
  if (rank == context.fabric.swarmx_rank()) return "SwarmX";
  return fmt::format("wafer {}", rank);
}

}  // namespace moesim
