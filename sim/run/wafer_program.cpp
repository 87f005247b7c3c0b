#include "run/wafer_program.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/diagnostics.hpp"
#include "engine/reference.hpp"
#include "model/parameters.hpp"
#include "wafer/live_sram.hpp"
#include "wafer/step.hpp"

namespace moesim {

namespace {

constexpr double kFp32Bytes = 4;
constexpr double kRounding = 1e-9;
constexpr double kGoodEnough = 0.99;  // of the best throughput
constexpr int kMostSampleWafers = 4;

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

  double parameters = total_parameters(context.model), masked = 0;
  for (int layer = 0; layer < context.layers(); ++layer) {
    const LayerParameters parts = layer_parameters(context.model, layer);
    masked += parts.total() - parts.norms - parts.router;
  }
  for (int layer = context.model.layers; layer < context.layers(); ++layer)
    parameters +=
        layer_parameters(context.model, layer).total() + mtp_extra_parameters(context.model);
  parameters = context.updated_elements(parameters - masked, masked);
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
  for (StageMemory* place : {&wafer, &store})
    place->verdict = place->fits ? "fits" : "out_of_memory";
  return {wafer, store};
}

// Counts the model FLOPs that a token has with weights that are zero: two forward and four backward
// of each.
double zero_flops_per_token(const WaferContext& context) {
  double masked = 0;
  for (int layer = 0; layer < context.layers(); ++layer) {
    const LayerParameters parts = layer_parameters(context.model, layer);
    masked += parts.attention + parts.attention_replicated + parts.dense_ffn + parts.shared;
    if (context.model.experts > 0)
      masked += parts.experts * context.model.top_k / context.model.experts;
  }
  return 6 * masked * context.input.plan.weight_sparsity;
}

// Reports what the record says of wafer 0; all are alike but for the tokens of their experts.
// Throws RunError when a buffer holds more than is allocated, or the step more than was planned.
void observe_sram(const LoweredWaferStep& step, const Record& record, StageMemory& sram) {
  const LiveSram live = live_sram(step, record, 0);
  const WaferMemory& planned = step.context.plan.memory;
  sram.live_bytes = live.peak_bytes;
  sram.live_at_s = live.peak_at_s;
  const Block& block = step.program.blocks[live.peak_block];
  const WaferBlock& work = step.tasks[block.graph].block;
  sram.moment = work.holds.empty() || work.holds.front().tensor == SramTensor::logits
                    ? fmt::format("{}, microbatch {}", work.name, block.microbatch)
                    : fmt::format("{} of layer {}, microbatch {}", name_of(work.phase),
                                  block.first_layer, block.microbatch);
  for (size_t i = 0; i < live.peak_parts.size(); ++i)
    if (live.peak_parts[i] > 0)
      sram.largest.push_back({name_of(static_cast<SramTensor>(i)), live.peak_parts[i], 1});
  std::stable_sort(sram.largest.begin(), sram.largest.end(),
                   [](const HeldMemory& a, const HeldMemory& b) { return a.bytes > b.bytes; });
  const auto within = [](const char* what, double bytes, double most) {
    if (bytes > most * (1 + kRounding))
      throw RunError(fmt::format(
          "the result cannot be right, so it is not shown: {} took {:.6g} bytes of SRAM, planned "
          "were {:.6g}. This is a bug of moesim: please report it with the scenario",
          what, bytes, most));
  };
  within("weights under way", live.most_weights, planned.weights);
  within("gradients under way", live.most_gradients, planned.gradients);
  within("the step", live.peak_bytes, planned.total());
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

// Returns the number of attention tiles with the most tokens/s of one microbatch, each choice that
// fits executed without contention; of choices within 1 % of the best the smallest.
int best_attention_tiles(const WaferStepInput& input) {
  std::vector<std::pair<int, double>> tried;
  double best = 0;
  WaferStepInput one = input;
  one.plan.attention_tiles = 1;
  one.plan.simulated_replicas = 1;
  one.plan.attention_batch =
      derive_wafer_plan(input.model, with_faults(input.system, input.faults), one.plan, input.batch)
          .attention_batch;
  one.batch.global_batch = 0;
  one.faults = {};  // the slowest wafer changes no choice
  // Enough that every expert which some wafer needs is sent.
  one.system.systems = std::min(one.system.systems, 64);
  for (const int tiles : wafer_tile_choices(input.model, with_faults(input.system, input.faults),
                                            input.plan, input.batch)) {
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

WaferStepInput settled(const Scenario& scenario, uint64_t seed) {
  WaferStepInput input{scenario.workload, scenario.platform.wafers(),
                       scenario.plan,     scenario.routing,
                       scenario.batch,    seed,
                       scenario.faults};
  if (input.plan.attention_tiles == 0) {
    const int tiles = best_attention_tiles(input);
    // The largest attention batch for one tile stays the attention batch.
    Plan one = input.plan;
    one.attention_tiles = 1;
    input.plan.attention_batch =
        derive_wafer_plan(input.model, with_faults(input.system, input.faults), one, input.batch)
            .attention_batch;
    input.plan.attention_tiles = tiles;
  }
  return input;
}

class WaferProgram : public LoweredProgramOf<LoweredWaferStep> {
 public:
  using LoweredProgramOf::LoweredProgramOf;
  const Fabric& fabric() const override { return wafers().fabric; }
  bool has_pipeline() const override { return false; }

  ProgramFacts facts() const override {
    const WaferPlan& plan = step().context.plan;
    ProgramFacts facts;
    facts.device_noun = "wafer";
    facts.devices = plan.systems;
    facts.global_batch = plan.global_batch;
    facts.zero_flops_per_token = zero_flops_per_token(step().context);
    facts.peak_flops = step().context.system.wafer.peak_flops();
    facts.fidelity = fidelity_text(step().context);
    const int working = step().context.system.working();
    if (wafers().wafers < working)
      facts.folded = fmt::format(
          "{} of {} wafers simulated; broadcast and reduction load each link once for all{}",
          wafers().wafers, working,
          step().work->stands_for_others()
              ? "; experts take as long as on the slowest wafer, whichever that is"
              : "");
    // MemoryX and SwarmX are ranks of the program and no devices.
    const std::vector<double>& weights = step().context.chosen.weights;
    facts.rank_weights = weights;
    if (weights.empty()) facts.rank_weights.assign(static_cast<size_t>(wafers().wafers), 1);
    facts.rank_weights.resize(step().context.ranks(), 0);
    facts.nic_bytes_per_s = step().context.system.wafer.io_bytes_per_s;
    return facts;
  }

  Scenario resolved(Scenario scenario) const override {
    const WaferContext& context = step().context;
    scenario.plan = context.input.plan;
    scenario.plan.attention_tiles = context.plan.attention_tiles;
    scenario.plan.attention_batch = context.plan.attention_batch;
    scenario.batch.global_batch = context.plan.global_batch;
    return scenario;
  }

  std::vector<StageMemory> memory(const LoadStatistics&) const override {
    return memory_rows(step().context);
  }

  // SRAM alone: MemoryX holds the same all the time.
  void observe_memory(const Record& record, std::vector<StageMemory>& memory) const override {
    observe_sram(step(), record, memory.front());
  }

  std::vector<std::vector<MemoryMoment>> memory_over_time(const Record& record) const override {
    std::vector<std::vector<MemoryMoment>> ranks(program().simulated_ranks);
    for (const uint32_t wafer : sample_ranks())
      for (const SramMoment& moment : live_sram(step(), record, wafer).moments)
        ranks[wafer].push_back({moment.time_s, moment.bytes});
    return ranks;
  }

  // Wafers have their number in the system; MemoryX and SwarmX follow them.
  int rank_number(uint32_t rank) const override {
    const std::vector<int>& chosen = step().context.chosen.wafers;
    return rank < chosen.size()
               ? chosen[rank]
               : chosen.back() + 1 + static_cast<int>(rank) - static_cast<int>(chosen.size());
  }

  std::string rank_label(uint32_t rank) const override {
    if (rank == wafers().memoryx_rank()) return "MemoryX";
    if (rank == wafers().swarmx_rank()) return "SwarmX";
    return fmt::format("wafer {}", rank_number(rank));
  }

  std::vector<uint32_t> sample_ranks() const override {
    std::vector<uint32_t> ranks(std::min(wafers().wafers, kMostSampleWafers));
    for (uint32_t wafer = 0; wafer < ranks.size(); ++wafer) ranks[wafer] = wafer;
    return ranks;
  }

  std::vector<uint32_t> drawn_always() const override {
    return {wafers().memoryx_rank(), wafers().swarmx_rank()};
  }

 private:
  const WaferFabric& wafers() const { return step().context.fabric; }
};

}  // namespace

std::unique_ptr<LoweredProgram> lower_for_wafers(const Scenario& scenario, uint64_t seed) {
  return std::make_unique<WaferProgram>(lower_wafer_step(settled(scenario, seed)));
}

}  // namespace moesim
