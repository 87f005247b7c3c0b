#include "explain/wafer_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/format.hpp"
#include "run/wafer_program.hpp"
#include "wafer/block.hpp"
#include "wafer/device_model.hpp"

namespace moesim {

namespace {

std::string s(double seconds) { return seconds_text(seconds); }
std::string rate(double bytes_per_s) { return bytes_text(bytes_per_s) + "/s"; }

// One wafer's work of some blocks, and what crosses the tree for them.
struct Sums {
  double products_s = 0, issue_s = 0, attention_s = 0, other_s = 0;
  double down_bytes = 0, up_bytes = 0;             // weights and gradients, one copy on each link
  double gradient_elements = 0;                    // that arrive
  double update_elements = 0;                      // that the optimizer passes over
  double expert_bytes = 0, expert_s = 0;           // of down_bytes and of compute
  double spill_out_bytes = 0, spill_in_bytes = 0;  // saved activations to the host and back
  double compute_s() const { return products_s + issue_s + attention_s + other_s; }

  Sums& operator+=(const Sums& more) {
    products_s += more.products_s, issue_s += more.issue_s;
    attention_s += more.attention_s, other_s += more.other_s;
    down_bytes += more.down_bytes, up_bytes += more.up_bytes;
    gradient_elements += more.gradient_elements, update_elements += more.update_elements;
    expert_bytes += more.expert_bytes, expert_s += more.expert_s;
    spill_out_bytes += more.spill_out_bytes, spill_in_bytes += more.spill_in_bytes;
    return *this;
  }
};

class WaferForm {
 public:
  explicit WaferForm(const Scenario& scenario)
      : input_{scenario.workload, scenario.platform.wafers(), scenario.plan, scenario.routing,
               scenario.batch},
        context_(input_),
        system_(context_.system) {
    dense_issue_ = system_.wafer;
    dense_issue_.weight_issue_cycles = 0;
    down_ = std::min(system_.wafer.io_bytes_per_s, system_.memoryx.egress_bytes_per_s);
    up_ = std::min(system_.wafer.io_bytes_per_s, system_.memoryx.ingress_bytes_per_s);
    const std::vector<double>& given = system_.swarmx.level_bytes_per_s;
    for (size_t level = 0; level < static_cast<size_t>(context_.fabric.levels); ++level) {
      const double link = given[std::min(level, given.size() - 1)];
      down_ = std::min(down_, link), up_ = std::min(up_, link);
    }
  }

  std::vector<MathTerm> run() {
    add_step();
    compute_terms();
    streams();
    ends();
    return std::move(terms_);
  }

 private:
  void add(const char* name, const char* formula, std::string numbers, double seconds) {
    if (seconds > 0) terms_.push_back({name, formula, std::move(numbers), seconds});
  }

  // Copies of tokens per expert, dealt evenly; the first get what is left over.
  std::vector<int> even_rows(const WaferStream& stream, int sequences) const {
    const auto copies =
        static_cast<int64_t>(context_.shard(sequences).local_tokens() * context_.model.top_k);
    const int64_t each = copies / context_.model.experts, left = copies % context_.model.experts;
    std::vector<int> rows(static_cast<size_t>(stream.experts));
    for (size_t i = 0; i < rows.size(); ++i)
      rows[i] =
          static_cast<int>(each + (stream.first_expert + static_cast<int64_t>(i) < left ? 1 : 0));
    return rows;
  }

  void add_kernels(Sums& sums, const Kernels& kernels, std::span<const int> rows) const {
    for (const Kernel& kernel : kernels) {
      const double all_s = wafer_kernel_seconds(system_.wafer, kernel, rows);
      const double products_s = wafer_kernel_seconds(dense_issue_, kernel, rows);
      if (kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::grouped_gemm) {
        sums.products_s += products_s;
        sums.issue_s += all_s - products_s;
      } else {
        (kernel.kind == KernelKind::attention ? sums.attention_s : sums.other_s) += all_s;
      }
      if (!rows.empty()) sums.expert_s += all_s;
    }
  }

  Sums of(const WaferBlock& block, int sequences) const {
    Sums sums;
    std::vector<double> sent;  // share of each stream: experts without a token stay
    for (const WaferStream& stream : block.streams) {
      double share = 1;
      if (stream.experts > 0) {
        const std::vector<int> rows = even_rows(stream, sequences);
        share = static_cast<double>(rows.size() -
                                    static_cast<size_t>(std::count(rows.begin(), rows.end(), 0))) /
                static_cast<double>(rows.size());
        sums.expert_bytes += share * stream.bytes(context_);
      }
      sums.down_bytes += share * stream.bytes(context_);
      sent.push_back(share);
    }
    for (const WaferCompute& compute : block.computes) {
      std::vector<int> rows;
      if (compute.routed)
        rows = even_rows(block.streams[static_cast<size_t>(compute.stream)], sequences);
      add_kernels(sums, compute.again, rows);
      add_kernels(sums, compute.kernels, rows);
      const double share = compute.routed ? sent[static_cast<size_t>(compute.stream)] : 1;
      sums.gradient_elements += share * compute.gradient_elements;
      sums.update_elements += compute.gradient_elements;
      sums.up_bytes += share * compute.gradient_bytes;
    }
    sums.spill_out_bytes = block.spill_out_bytes;
    sums.spill_in_bytes = block.spill_in_bytes;
    return sums;
  }

  Sums microbatch(int sequences) const {
    Sums sums = of(embedding_block(context_, sequences, true), sequences);
    std::map<std::string, Sums> of_class;
    for (int layer = 0; layer < context_.layers(); ++layer) {
      const auto [found, added] = of_class.try_emplace(layer_class(context_.model, layer));
      if (added) {
        found->second = of(layer_forward_block(context_, layer, sequences), sequences);
        found->second += of(layer_backward_block(context_, layer, sequences), sequences);
      }
      sums += found->second;
    }
    sums += of(loss_block(context_, sequences), sequences);
    sums += of(embedding_block(context_, sequences, false), sequences);
    return sums;
  }

  void add_step() {
    std::map<int, Sums> of_size;
    for (const int sequences : context_.plan.microbatches) {
      const auto [found, added] = of_size.try_emplace(sequences);
      if (added) found->second = microbatch(sequences);
      step_ += found->second;
      last_ = found->second;
    }
  }

  void compute_terms() {
    const Wafer& wafer = system_.wafer;
    add("products of weights with tokens",
        "weights / (columns x clock) x tokens per core / (MACs per cycle x eta)",
        fmt::format("{} microbatches; {} columns, {:.3g} GHz, {:g} x {:g}; of all compute "
                    "experts take {}",
                    context_.plan.microbatches.size(), wafer.grid_columns, wafer.clock_hz / 1e9,
                    wafer.macs_per_cycle, wafer.gemm_efficiency, s(step_.expert_s)),
        step_.products_s);
    add("issue of weights", "weights / (columns x clock) x issue cycles, whatever the tokens",
        fmt::format(
            "{:g} cycles; those of attention and loss once for each of {} tiles, others once",
            wafer.weight_issue_cycles, context_.plan.attention_tiles),
        step_.issue_s);
    add("attention", "FLOPs / (peak x eta)",
        fmt::format("peak {} FLOPS, eta {:g}", count_text(wafer.peak_flops()),
                    wafer.attention_efficiency),
        step_.attention_s);
    add("memory-bound kernels, permutation", "bytes / (SRAM or core fabric bandwidth x eta)",
        fmt::format("{}, {}", rate(wafer.sram_bytes_per_s * wafer.memory_efficiency),
                    rate(wafer.fabric_bytes_per_s * wafer.fabric_efficiency)),
        step_.other_s);
  }

  // Weights come down, gradients go up and MemoryX works, all beside compute: the longest of the
  // four is the step.
  void streams() {
    const double io = system_.wafer.io_bytes_per_s;
    const double down_s =
        std::max(step_.down_bytes / down_, (step_.down_bytes + step_.spill_in_bytes) / io);
    const double up_s =
        std::max(step_.up_bytes / up_, (step_.up_bytes + step_.spill_out_bytes) / io);
    const double update_s =
        ((step_.gradient_elements - last_.gradient_elements) * system_.memoryx.accumulate_bytes +
         last_.update_elements * system_.memoryx.update_bytes) /
        system_.memoryx.update_bytes_per_s;
    const double longest = std::max({down_s, up_s, update_s});
    bound_by_compute_ = longest <= step_.compute_s();
    std::string numbers =
        fmt::format("down {} in {} (experts {}), up {} in {}, MemoryX {}; compute {}",
                    bytes_text(step_.down_bytes), s(down_s), bytes_text(step_.expert_bytes),
                    bytes_text(step_.up_bytes), s(up_s), s(update_s), s(step_.compute_s()));
    // Printed where it is nothing too: that streams hide is the claim to look at.
    terms_.push_back({"streams beyond compute",
                      "max(weights / bandwidth, gradients / bandwidth, updates) - compute, if more",
                      std::move(numbers), std::max(0.0, longest - step_.compute_s())});
  }

  void ends() {
    const double latency = system_.swarmx.latency_s * context_.fabric.levels;
    const WaferBlock first = embedding_block(context_, context_.plan.microbatches.front(), true);
    const double first_bytes = first.streams.front().bytes(context_);
    if (bound_by_compute_)
      add("first weights", "embedding table / bandwidth + latency",
          fmt::format("{} / {} + {}", bytes_text(first_bytes), rate(down_), s(latency)),
          first_bytes / down_ + latency);
    const WaferBlock last = embedding_block(context_, context_.plan.microbatches.back(), false);
    const double elements = last.computes.back().gradient_elements;
    const MemoryX& memoryx = system_.memoryx;
    const double bytes = elements * memoryx.gradient_wire_bytes;
    add("last gradients", "embedding table's gradient / bandwidth + latency + its update",
        fmt::format("{} / {} + {} + {} / {}", bytes_text(bytes), rate(up_), s(latency),
                    bytes_text(elements * memoryx.update_bytes), rate(memoryx.update_bytes_per_s)),
        bytes / up_ + latency + elements * memoryx.update_bytes / memoryx.update_bytes_per_s);
    add("step latency", "from the last update to the first weight", s(system_.step_latency_s),
        system_.step_latency_s);
  }

  WaferStepInput input_;
  WaferContext context_;
  const WaferSystem& system_;
  Wafer dense_issue_;  // with weights that are issued in no time
  double down_ = 0, up_ = 0;
  Sums step_, last_;
  bool bound_by_compute_ = true;
  std::vector<MathTerm> terms_;
};

}  // namespace

std::vector<MathTerm> wafer_closed_form(const Scenario& scenario) {
  return WaferForm(scenario).run();
}

std::vector<std::string> settled_wafer_plan(const Scenario& scenario, uint64_t seed) {
  const Scenario settled = lower_for_wafers(scenario, seed)->resolved(scenario);
  const WaferPlan plan =
      derive_wafer_plan(settled.workload, with_faults(settled.platform.wafers(), settled.faults),
                        settled.plan, settled.batch);
  return {fmt::format("plan.attention_tiles={}", settled.plan.attention_tiles),
          fmt::format("plan.attention_batch={}", settled.plan.attention_batch),
          fmt::format("plan.saved_activations={}", plan.spill ? "host" : "wafer"),
          fmt::format("plan.attention_again={}", plan.again ? "tiles" : "batch"),
          fmt::format("batch.global_batch={}", settled.batch.global_batch)};
}

}  // namespace moesim
