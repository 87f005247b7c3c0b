// The numbers of one run, as every report prints them. Filled by metrics/ and run/, turned into
// text by report/. The functions `visit` at the end list the figures (metrics/figures.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/setting_tree.hpp"
#include "base/statistics.hpp"
#include "metrics/figures.hpp"
#include "metrics/goodput_report.hpp"

namespace moesim {

// Seconds of the mean device; they do not overlap and sum to the step. Exposed: the device's
// compute stream waited for communication of this kind (or for the slowest member of its group to
// join it).
struct Breakdown {
  double compute = 0;
  double exposed_ep = 0, exposed_tp = 0, exposed_cp = 0, exposed_dp = 0, exposed_pp = 0;
  double exposed_stream = 0;  // weight streaming (wafer)
  double bubble = 0;          // waiting for the pipeline
  double optimizer = 0;
  double other = 0;
  double total() const;
};

// The parts of a step in the order in which every report names them: the one list of them.
struct BreakdownPart {
  double Breakdown::*seconds;
  Figure figure;
};
inline constexpr unsigned kPartTraits = kCsv | kCompare | kResults;
inline constexpr BreakdownPart kBreakdownParts[] = {
    {&Breakdown::compute, {"compute", "kernels", Shown::seconds, kPartTraits, "compute"}},
    {&Breakdown::exposed_ep,
     {"exposed_ep", "waiting for dispatch and combine", Shown::seconds, kPartTraits, "exposed EP"}},
    {&Breakdown::exposed_tp,
     {"exposed_tp", "waiting for tensor parallelism", Shown::seconds, kPartTraits, "exposed TP"}},
    {&Breakdown::exposed_cp,
     {"exposed_cp", "waiting for context parallelism", Shown::seconds, kPartTraits, "exposed CP"}},
    {&Breakdown::exposed_dp,
     {"exposed_dp", "waiting for gradient reduction and parameter gathers", Shown::seconds,
      kPartTraits, "exposed DP"}},
    {&Breakdown::exposed_pp,
     {"exposed_pp", "waiting for messages between pipeline stages", Shown::seconds, kPartTraits,
      "exposed PP"}},
    {&Breakdown::exposed_stream,
     {"exposed_stream", "waiting for streamed weights and gradients (wafers)", Shown::seconds,
      kPartTraits | kWhenSet, "exposed stream"}},
    {&Breakdown::bubble,
     {"bubble", "waiting for the pipeline", Shown::seconds, kPartTraits, "bubble"}},
    {&Breakdown::optimizer,
     {"optimizer", "updating parameters", Shown::seconds, kPartTraits, "optimizer"}},
    {&Breakdown::other, {"other", "everything else", Shown::seconds, kPartTraits, "other"}},
};

inline double Breakdown::total() const {
  double sum = 0;
  for (const BreakdownPart& part : kBreakdownParts) sum += this->*part.seconds;
  return sum;
}

// How a pipeline stage's step divides into blocks of its schedule (on the stage's first rank; a
// block's communication counts with it). `bubble_s`: no block was under way.
struct PipelineStage {
  int stage = 0;
  std::array<double, 5>
      seconds{};  // forward, backward, weight gradients, overlapped, optimizer: as BlockKind
  double bubble_s = 0;
};

// `count` tensors of one kind, together.
struct HeldMemory {
  std::string name;
  double bytes = 0;
  int count = 1;
};

struct StageMemory {
  int stage = 0;
  double parameters_bytes = 0, gradients_bytes = 0, optimizer_bytes = 0, activations_bytes = 0;
  double total_bytes = 0, capacity_bytes = 0;
  bool fits = true;
  std::string name;                 // of a store that is no pipeline stage (SRAM, MemoryX)
  std::string breaks_it;            // the tensor that takes most where it does not fit
  double buffers_bytes = 0;         // that the framework keeps for the whole step
  double reserved_bytes = 0;        // what the caching allocator holds for the total
  double outside_bytes = 0;         // beside the allocator: driver, communicators, dispatcher
  double reserve_bytes = 0;         // of the capacity, not to be planned with
  std::string verdict;              // fits, tight, out_of_memory; empty: not judged
  std::string moment;               // the fullest: "backward of microbatch 3: combine"
  std::vector<HeldMemory> largest;  // then
  // The most that the simulated step held, integrated over its record, and when; 0: not known.
  double live_bytes = 0, live_at_s = 0;
  // Bytes beyond the capacity; 0 or less where there is room.
  double missing_bytes() const { return total_bytes + outside_bytes - capacity_bytes; }
};

// Steps of the critical path with the same name and kind are one entry.
struct CriticalPathEntry {
  std::string op;    // "attention", "dispatch", ...
  std::string kind;  // "compute", "ep", "pp", ...
  std::string link;  // busiest link of a transfer; empty for compute
  double seconds = 0;
  double share = 0;  // of the step
  int64_t count = 0;
};

struct ResourceUse {
  std::string name;
  std::string kind;          // compute, nvlink, nic, leaf
  double busy_fraction = 0;  // bytes / (bandwidth x step), or compute time / step
  double bytes = 0;          // 0 for compute
};

struct SimulationFacts {
  double wall_s = 0;
  double cpu_s = 0;  // of this process
  // The part of it before the first simulated event: lowering, calibration of the routing.
  double setup_cpu_s = 0;
  uint64_t tasks = 0;       // kernels and transfers simulated
  uint64_t activities = 0;  // what the engine handled: runs of kernels, transfers
  uint64_t flows = 0;       // SimGrid communications
  uint64_t timers = 0;      // activities that nothing contended with
  uint64_t transfers = 0, contended_transfers = 0;
  int64_t peak_rss_bytes = 0;
  std::string folded;  // what was not simulated because it equals what was; empty: nothing
};

// The model that was trained.
struct ModelReport {
  std::string name;
  double parameters_total = 0;   // without multi-token-prediction layers
  double parameters_active = 0;  // per token
  double flops_per_token = 0;    // of a step: model_flops_per_step / tokens_per_step
};

// One scenario run with several seeds.
struct SeedSpread {
  uint64_t first_seed = 0;
  Distribution step_time_s;
  std::vector<double> samples_s;  // by seed
};

// Where four of five measured steps like this one were, in step time against their prediction.
struct Band {
  double low_s = 0, high_s = 0;
  int rows = 0;      // measured steps like it
  std::string like;  // what makes them like it: "megatron-bridge on blackwell"
};

struct StepReport {
  std::string scenario, moesim_version, simgrid_version, fidelity;
  ModelReport model;
  // As resolved, with the keys of `moesim schema`; a map without entries where it is not known.
  SettingTree platform, plan, batch, routing, workload;
  std::string device_noun = "GPU";
  uint64_t seed = 0;
  int devices = 0;
  double step_time_s = 0;
  double tokens_per_step = 0, tokens_per_s = 0, tokens_per_s_per_device = 0;
  double model_flops_per_step = 0, tflops_per_device = 0, mfu = 0;
  double energy_j = 0;  // of all devices over the step; 0: their power is not known
  double power_w = 0;   // of a device, mean over the step
  Breakdown breakdown_s;
  std::vector<PipelineStage> pipeline;
  std::vector<StageMemory> memory;
  double overload_factor = 1;
  std::vector<double> layer_overload;  // mean per layer; 0 for layers without experts
  double lower_bound_s = 0;
  std::string lower_bound_by;                    // "device work", "bytes over LINK", ...
  std::vector<CriticalPathEntry> critical_path;  // longest first
  std::vector<ResourceUse> resources;            // busiest first
  SimulationFacts simulation;
  std::vector<CriticalPathEntry> by_layer, by_link;  // the critical path; filled for explanations
  std::optional<GoodputReport> goodput;
  std::optional<SeedSpread> runs;  // then all other figures are of the run in the middle
  std::string faults;              // what is wrong with the cluster; empty: nothing
  std::optional<Band> band;
  bool fits() const {
    for (const StageMemory& stage : memory)
      if (!stage.fits) return false;
    return true;
  }
};

void visit(FigureVisitor& v, Breakdown& breakdown);
void visit(FigureVisitor& v, PipelineStage& stage);
void visit(FigureVisitor& v, HeldMemory& held);
void visit(FigureVisitor& v, StageMemory& stage);
void visit(FigureVisitor& v, CriticalPathEntry& entry);
void visit(FigureVisitor& v, ResourceUse& use);
void visit(FigureVisitor& v, SimulationFacts& facts);
void visit(FigureVisitor& v, ModelReport& model);
void visit(FigureVisitor& v, Band& band);
// The figures without the count.
void visit(FigureVisitor& v, Distribution& distribution);
void visit(FigureVisitor& v, SeedSpread& runs);
void visit(FigureVisitor& v, StepReport& report);

// Returns the stage or store that is filled to the largest part of its capacity, or null. Compared
// by share, because the stores of a wafer system are of different sizes.
const StageMemory* fullest(const std::vector<StageMemory>& memory);
// Returns the verdict of all stages; "" where none is judged.
std::string worst_verdict(const std::vector<StageMemory>& memory);

}  // namespace moesim
