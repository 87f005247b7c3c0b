// The figures of a step's report, in the order in which reports name them.
#include "metrics/step_report.hpp"

namespace moesim {

namespace {

// Returns what one row of a table says of the list `memory`.
struct MemorySummary {
  uint64_t stages = 0;
  bool fits = true;
  StageMemory most;
  std::string verdict, largest;
};

void visit(FigureVisitor& v, MemorySummary& m) {
  v({"memory_stages", "entries of memory", Shown::count, kCsv}, m.stages);
  v({"memory_fits", "whether all fit", Shown::plain, kCsv | kResults}, m.fits);
  v({"memory_most_stage", "the fullest, by share of its capacity", Shown::plain, kCsv},
    m.most.stage);
  v({"memory_most_parameters_bytes", "its parameters", Shown::bytes, kCsv},
    m.most.parameters_bytes);
  v({"memory_most_gradients_bytes", "its gradients", Shown::bytes, kCsv}, m.most.gradients_bytes);
  v({"memory_most_optimizer_bytes", "its optimizer state", Shown::bytes, kCsv},
    m.most.optimizer_bytes);
  v({"memory_most_activations_bytes", "its activations", Shown::bytes, kCsv},
    m.most.activations_bytes);
  v({"memory_most_bytes", "its total", Shown::bytes, kCsv | kCompare | kResults, "fullest stage"},
    m.most.total_bytes);
  v({"memory_verdict", "fits, tight or out_of_memory: the worst of all", Shown::plain,
     kCsv | kResults},
    m.verdict);
  v({"memory_most_reserved_bytes", "what its allocator holds", Shown::bytes,
     kCsv | kCompare | kResults, "fullest stage, reserved"},
    m.most.reserved_bytes);
  v({"memory_largest", "what takes most of it at its fullest moment", Shown::plain, kCsv},
    m.largest);
  v({"memory_capacity_bytes", "its capacity", Shown::bytes, kCsv}, m.most.capacity_bytes);
}

struct PathSummary {
  CriticalPathEntry longest;
};
void visit(FigureVisitor& v, PathSummary& path) {
  v({"critical_path.0.op", "the longest", Shown::plain, kCsv}, path.longest.op);
  v({"critical_path.0.share", "its share of the step", Shown::percent, kCsv}, path.longest.share);
}

struct ResourceSummary {
  ResourceUse busiest;
};
void visit(FigureVisitor& v, ResourceSummary& resources) {
  v({"resources.0.name", "the busiest", Shown::plain, kCsv}, resources.busiest.name);
  v({"resources.0.busy_fraction", "its use", Shown::percent, kCsv},
    resources.busiest.busy_fraction);
}

struct PlatformSummary {
  std::string name;
};
void visit(FigureVisitor& v, PlatformSummary& platform) {
  v({"platform", "name of the platform", Shown::plain, kCsv}, platform.name);
}

MemorySummary summary_of(const std::vector<StageMemory>& memory) {
  MemorySummary summary{memory.size()};
  for (const StageMemory& stage : memory) summary.fits = summary.fits && stage.fits;
  if (const StageMemory* most = fullest(memory)) {
    summary.most = *most;
    summary.verdict = worst_verdict(memory);
    if (!most->largest.empty()) summary.largest = most->largest.front().name;
  }
  return summary;
}

template <class Entry>
Entry first_of(const std::vector<Entry>& entries) {
  return entries.empty() ? Entry{} : entries.front();
}

void visit_identity(FigureVisitor& v, StepReport& r) {
  v({"scenario", "name of the scenario", Shown::plain, kCsv | kSetting}, r.scenario);
  v({"moesim_version", "version of this program", Shown::plain, kCsv | kSetting}, r.moesim_version);
  v({"simgrid_version", "version of SimGrid", Shown::plain, kCsv | kSetting}, r.simgrid_version);
  v({"seed", "seed of everything drawn at random", Shown::plain, kCsv | kSetting}, r.seed);
  v({"fidelity", "how collectives and transport were simulated", Shown::plain, kCsv | kSetting},
    r.fidelity);
  v({"device_noun", "what a device is called", Shown::plain, kInternal}, r.device_noun);
  v.section({"model", "the model that was trained", Shown::plain, kLater}, r.model);
  v.summary(PlatformSummary{text_at(r.platform, "name")});
}

void visit_rates(FigureVisitor& v, StepReport& r) {
  constexpr unsigned kRow = kCsv | kCompare;
  v({"devices", "GPUs or wafers", Shown::count, kRow, "devices"}, r.devices);
  v({"step_time_s", "from the first task to the last", Shown::seconds, kRow | kResults,
     "step time"},
    r.step_time_s);
  v({"tokens_per_step", "tokens of the global batch", Shown::count, kRow | kWhole,
     "tokens per step"},
    r.tokens_per_step);
  v({"tokens_per_s", "tokens per second", Shown::count, kRow | kResults, "tokens/s"},
    r.tokens_per_s);
  v({"tokens_per_s_per_device", "the same per device", Shown::count, kRow | kResults,
     "tokens/s per device"},
    r.tokens_per_s_per_device);
  v({"model_flops_per_step", "Megatron-LM's model FLOPs, without recomputation", Shown::count,
     kCsv},
    r.model_flops_per_step);
  v({"tflops_per_device", "model FLOPs per second and device, over 1e12", Shown::count,
     kRow | kResults, "TFLOPS per device"},
    r.tflops_per_device);
  v({"mfu", "model FLOPs over the peak of the GEMMs' precision", Shown::percent, kRow | kResults,
     "MFU"},
    r.mfu);
}

void visit_reasons(FigureVisitor& v, StepReport& r) {
  v.section({"breakdown_s",
             "where the mean device's time went; the parts do not overlap and sum to the step"},
            r.breakdown_s);
  v.list({"memory", "per pipeline stage; on wafer systems SRAM and MemoryX"}, r.memory);
  v.summary(summary_of(r.memory));
  v({"overload_factor",
     "tokens on the most loaded rank over the mean, averaged over layers and microbatches",
     Shown::plain, kCsv | kCompare | kResults, "overload factor"},
    r.overload_factor);
  v({"lower_bound_s", "no schedule of this work on these ports is faster", Shown::seconds,
     kCsv | kCompare | kResults, "lower bound"},
    r.lower_bound_s);
  v({"lower_bound_by", "what sets that bound", Shown::plain, kCsv | kLater}, r.lower_bound_by);
  v.list({"critical_path", "by operation, longest first"}, r.critical_path);
  v.summary(PathSummary{first_of(r.critical_path)});
  v.list({"resources", "busiest first, up to four of a kind"}, r.resources);
  v.summary(ResourceSummary{first_of(r.resources)});
  v.section({"simulation", "the simulation itself"}, r.simulation);
}

}  // namespace

std::string worst_verdict(const std::vector<StageMemory>& memory) {
  std::string worst;
  for (const StageMemory& stage : memory) {
    if (!stage.fits) return "out_of_memory";
    if (stage.verdict == "tight" || worst.empty()) worst = stage.verdict;
  }
  return worst;
}

const StageMemory* fullest(const std::vector<StageMemory>& memory) {
  const StageMemory* most = nullptr;
  for (const StageMemory& stage : memory)
    if (most == nullptr ||
        stage.total_bytes * most->capacity_bytes > most->total_bytes * stage.capacity_bytes)
      most = &stage;
  return most;
}

void visit(FigureVisitor& v, Breakdown& breakdown) {
  for (const BreakdownPart& part : kBreakdownParts) v(part.figure, breakdown.*part.seconds);
}

void visit(FigureVisitor& v, PipelineStage& stage) {
  v({"stage", "number of the stage"}, stage.stage);
  constexpr Figure kBlocks[] = {
      {"forward_s", "forward blocks alone", Shown::seconds, kTable, "forward alone"},
      {"backward_s", "backward blocks alone", Shown::seconds, kTable, "backward alone"},
      {"weight_gradient_s", "weight-gradient blocks", Shown::seconds, kTable, "weight gradients"},
      {"overlapped_s", "a forward and a backward at once", Shown::seconds, kTable,
       "forward + backward"},
      {"optimizer_s", "the optimizer", Shown::seconds, kTable, "optimizer"},
  };
  static_assert(std::size(kBlocks) == std::tuple_size_v<decltype(PipelineStage::seconds)>);
  for (size_t i = 0; i < stage.seconds.size(); ++i) v(kBlocks[i], stage.seconds[i]);
  v({"bubble_s", "no block under way", Shown::seconds, kTable, "bubble"}, stage.bubble_s);
}

void visit(FigureVisitor& v, StageMemory& m) {
  v({"stage", "number of the stage"}, m.stage);
  const auto bytes = [&](const char* key, const char* doc, double& value, int more = 0) {
    v({key, doc, Shown::bytes, kWhole | more}, value);
  };
  bytes("parameters_bytes", "parameters", m.parameters_bytes);
  bytes("gradients_bytes", "gradients", m.gradients_bytes);
  bytes("optimizer_bytes", "optimizer state", m.optimizer_bytes);
  bytes("activations_bytes", "activations at their peak", m.activations_bytes);
  bytes("total_bytes", "their sum", m.total_bytes);
  bytes("capacity_bytes", "what there is", m.capacity_bytes);
  v({"fits", "whether the total is within the capacity"}, m.fits);
  v({"name", "of a store that is no pipeline stage", Shown::plain, kWhenSet}, m.name);
  v({"breaks_it", "the tensor that takes most where it does not fit", Shown::plain, kWhenSet},
    m.breaks_it);
  bytes("buffers_bytes", "that the framework keeps for the whole step", m.buffers_bytes, kLater);
  bytes("reserved_bytes", "what the caching allocator holds for the total", m.reserved_bytes,
        kLater);
  bytes("outside_bytes", "beside the allocator: driver, communicators, dispatcher", m.outside_bytes,
        kLater);
  bytes("reserve_bytes", "of the capacity, not to be planned with", m.reserve_bytes, kLater);
  v({"verdict", "fits, tight (within the reserve) or out_of_memory", Shown::plain,
     kWhenSet | kLater},
    m.verdict);
  v({"moment", "the fullest moment of the step", Shown::plain, kWhenSet | kLater}, m.moment);
  v.list({"largest", "what is held then, largest first", Shown::plain, kWhenSet | kLater},
         m.largest);
  bytes("live_bytes", "the most that the simulated step held (SRAM)", m.live_bytes,
        kLater | kWhenSet);
  v({"live_at_s", "when", Shown::seconds, kLater | kWhenSet}, m.live_at_s);
}

void visit(FigureVisitor& v, HeldMemory& held) {
  v({"name", "parameters, gradients, optimizer, a buffer or a kind of tensor"}, held.name);
  v({"bytes", "of all of that kind", Shown::bytes, kWhole}, held.bytes);
  v({"count", "tensors", Shown::count}, held.count);
}

void visit(FigureVisitor& v, CriticalPathEntry& entry) {
  v({"op", "operation"}, entry.op);
  v({"kind", "stream"}, entry.kind);
  v({"link", "busiest link of a transfer"}, entry.link);
  v({"seconds", "time on the path", Shown::seconds}, entry.seconds);
  v({"share", "of the step", Shown::percent}, entry.share);
  v({"count", "tasks on the path", Shown::count}, entry.count);
}

void visit(FigureVisitor& v, ResourceUse& use) {
  v({"name", "device or link"}, use.name);
  v({"busy_fraction", "bytes / (bandwidth x step), or compute time / step", Shown::percent},
    use.busy_fraction);
  v({"bytes", "carried; 0 for compute", Shown::bytes, kWhole}, use.bytes);
  v({"kind",
     "compute, nvlink, nic, leaf; on wafer systems compute, optimizer, wafer_io, swarmx, memoryx"},
    use.kind);
}

void visit(FigureVisitor& v, SimulationFacts& facts) {
  v({"wall_s", "wall time of the simulation", Shown::seconds, kCsv | kCompare | kMachine,
     "wall time"},
    facts.wall_s);
  v({"tasks", "kernels and transfers simulated", Shown::count, kCsv | kCompare, "simulated tasks"},
    facts.tasks);
  v({"flows", "SimGrid communications", Shown::count, kCsv | kCompare, "simulated flows"},
    facts.flows);
  v({"peak_rss_bytes", "memory of the simulation", Shown::bytes, kCsv | kMachine},
    facts.peak_rss_bytes);
  v({"folded", "what was not simulated because it equals what was; empty: nothing", Shown::plain,
     kCsv},
    facts.folded);
  v({"activities", "runs of kernels, and transfers", Shown::count}, facts.activities);
  v({"timers", "activities that nothing contended with", Shown::count}, facts.timers);
  v({"transfers", "collectives and messages", Shown::count}, facts.transfers);
  v({"contended_transfers", "their NVLink or NIC parts that became flows", Shown::count},
    facts.contended_transfers);
  v({"cpu_s", "CPU time of the process", Shown::seconds, kInternal}, facts.cpu_s);
  v({"setup_cpu_s", "CPU time before the first event", Shown::seconds, kInternal},
    facts.setup_cpu_s);
}

void visit(FigureVisitor& v, ModelReport& model) {
  v({"name", "name of the model", Shown::plain, kCsv | kSetting, "model", "model"}, model.name);
  v({"parameters_total", "without multi-token-prediction layers", Shown::count, kSetting | kWhole},
    model.parameters_total);
  v({"parameters_active", "per token", Shown::count, kSetting | kWhole}, model.parameters_active);
  v({"flops_per_token", "model_flops_per_step / tokens_per_step", Shown::count, kSetting},
    model.flops_per_token);
}

void visit(FigureVisitor& v, Band& band) {
  v({"low_s", "its lower end", Shown::seconds}, band.low_s);
  v({"high_s", "its upper end", Shown::seconds}, band.high_s);
  v({"rows", "measured steps like it", Shown::count}, band.rows);
  v({"like", "what makes them like it", Shown::plain}, band.like);
}

void visit(FigureVisitor& v, Distribution& d) {
  v({"mean", "mean", Shown::seconds}, d.mean);
  v({"standard_deviation", "of the sample", Shown::seconds}, d.standard_deviation);
  v({"ci95_low", "of the mean", Shown::seconds}, d.ci95_low);
  v({"ci95_high", "of the mean", Shown::seconds}, d.ci95_high);
  v({"minimum", "smallest", Shown::seconds}, d.minimum);
  v({"p50", "median", Shown::seconds}, d.p50);
  v({"p95", "95th percentile", Shown::seconds}, d.p95);
  v({"p99", "99th percentile", Shown::seconds}, d.p99);
  v({"maximum", "largest", Shown::seconds}, d.maximum);
}

void visit(FigureVisitor& v, SeedSpread& runs) {
  v({"count", "runs", Shown::count}, runs.step_time_s.count);
  v({"first_seed", "seed of the first"}, runs.first_seed);
  v.section({"step_time_s", "distribution of the step time"}, runs.step_time_s);
  v({"samples_s", "step times by seed", Shown::seconds}, runs.samples_s);
}

void visit(FigureVisitor& v, StepReport& r) {
  constexpr unsigned kInput = kSetting | kLater | kWhenSet;
  visit_identity(v, r);
  visit_rates(v, r);
  visit_reasons(v, r);
  v({"layer_overload", "mean overload per layer; 0: no experts", Shown::plain, kLater},
    r.layer_overload);
  v.list({"pipeline", "per pipeline stage, how its step divides into the schedule's blocks",
          Shown::plain, kLater},
         r.pipeline);
  v.list({"by_layer", "the critical path by layer (in the folder of an explanation)", Shown::plain,
          kLater | kWhenSet},
         r.by_layer);
  v.list({"by_link", "the critical path by busiest link (in the folder of an explanation)",
          Shown::plain, kLater | kWhenSet},
         r.by_link);
  v({"faults", "what is wrong with the cluster", Shown::plain, kSetting | kLater | kWhenSet},
    r.faults);
  v({"energy_j", "of all devices over the step, without hosts and network", Shown::plain,
     kLater | kWhenSet},
    r.energy_j);
  v({"power_w", "of a device, mean over the step", Shown::plain, kLater | kWhenSet}, r.power_w);
  v.optional(
      {"band", "holds four of five measured steps like this one, where measurements are known",
       Shown::plain, kLater},
      r.band);
  v.optional({"goodput", "what failures leave of a long run, where goodput.device_mtbf_s is given",
              Shown::plain, kLater},
             r.goodput);
  v.optional({"runs",
              "several seeds of one scenario; all other figures are then of the run in the middle "
              "(the lower of two)",
              Shown::plain, kLater},
             r.runs);
  v({"plan", "resolved settings: `plan` of `moesim schema`", Shown::plain, kInput}, r.plan);
  v({"batch", "resolved settings: `batch` of `moesim schema`", Shown::plain, kInput}, r.batch);
  v({"routing", "resolved settings: `routing` of `moesim schema`", Shown::plain, kInput},
    r.routing);
  v({"workload", "resolved settings: `workload` of `moesim schema`, its name apart", Shown::plain,
     kInput},
    r.workload);
  v({"platform", "resolved settings: `platform` of `moesim schema`", Shown::plain, kInput},
    r.platform);
}

}  // namespace moesim
