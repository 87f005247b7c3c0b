#include "explain/knobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/format.hpp"
#include "wafer/faulty_wafers.hpp"
#include "wafer/plan.hpp"

namespace moesim {

namespace {

struct Quantity {
  std::string key;
  double value;
};

std::string set_to(const std::string& key, double value) {
  return fmt::format("{}={:.17g}", key, value);
}

class KnobList {
 public:
  KnobList(const Scenario& scenario, double change) : s_(scenario), change_(change) {}

  Knobs run() {
    if (s_.platform.is_wafer_system()) return wafers();
    bandwidths();
    latencies();
    device();
    sm_shares();
    imbalance();
    return std::move(knobs_);
  }

 private:
  Knobs wafers() {
    wafer_links();
    wafer_cores();
    tiles();
    if (s_.workload.experts == 0) skip(kImbalance, "the model has no experts");
    if (s_.workload.experts > 0) skew();
    return std::move(knobs_);
  }

  void skip(const char* name, const char* reason) { knobs_.not_varied.push_back({name, reason}); }

  // Scales all of these that are not zero, together.
  void scale(const char* name, const std::string& value, const std::vector<Quantity>& quantities) {
    Knob knob{name, value};
    for (const Quantity& quantity : quantities) {
      if (quantity.value <= 0) continue;
      knob.low_sets.push_back(set_to(quantity.key, quantity.value * (1 - change_)));
      knob.high_sets.push_back(set_to(quantity.key, quantity.value * (1 + change_)));
    }
    if (knob.low_sets.empty()) return skip(name, "is zero");
    knob.low_ratio = 1 - change_;
    knob.high_ratio = 1 + change_;
    knobs_.varied.push_back(std::move(knob));
  }

  void bandwidths() {
    const Pod& p = s_.platform.pod();
    scale("NVLink bandwidth", bytes_text(p.nvlink_bytes_per_s) + "/s",
          {{"platform.nvlink_bytes_per_s", p.nvlink_bytes_per_s}});
    if (p.gpus > p.gpus_per_node)
      scale("NIC bandwidth", bytes_text(p.nic_bytes_per_s) + "/s",
            {{"platform.nic_bytes_per_s", p.nic_bytes_per_s}});
    else
      skip("NIC bandwidth", "all devices are in one node");
    if (p.oversubscription <= 1) return skip("leaf uplinks", "the fabric does not block");
    // An oversubscription of 1 is as wide as uplinks get.
    const double low = p.oversubscription / (1 - change_);
    const double high = std::max(1.0, p.oversubscription / (1 + change_));
    knobs_.varied.push_back({"leaf uplinks",
                             fmt::format("1 : {:g}", p.oversubscription),
                             {set_to("platform.oversubscription", low)},
                             {set_to("platform.oversubscription", high)},
                             p.oversubscription / low,
                             p.oversubscription / high});
  }

  void latencies() {
    const Pod& p = s_.platform.pod();
    scale("NVLink latency", seconds_text(p.nvlink_latency_s),
          {{"platform.nvlink_latency_s", p.nvlink_latency_s}});
    if (p.gpus > p.gpus_per_node)
      scale("NIC latency", seconds_text(p.nic_latency_s),
            {{"platform.nic_latency_s", p.nic_latency_s},
             {"platform.nic_spine_latency_s", p.nic_spine_latency_s}});
    scale("collective start", seconds_text(p.collective_startup_s),
          {{"platform.collective_startup_s", p.collective_startup_s},
           {"platform.message_startup_s", p.message_startup_s}});
    const DispatcherTraits& dispatcher = traits(s_.plan.dispatcher);
    if (s_.plan.ep == 1 || !dispatcher.own_costs()) return;
    const double startup_s = p.dispatchers[s_.plan.dispatcher].startup_s;
    scale("dispatcher start", seconds_text(startup_s),
          {{fmt::format("platform.{}.startup_s", dispatcher.name), startup_s}});
  }

  void device() {
    const Device& d = s_.platform.pod().device;
    scale("FLOPS", count_text(d.peak_bf16_flops) + " bf16",
          {{"platform.device.peak_bf16_flops", d.peak_bf16_flops},
           {"platform.device.peak_fp8_flops", d.peak_fp8_flops},
           {"platform.device.peak_fp4_flops", d.peak_fp4_flops}});
    scale("HBM bandwidth", bytes_text(d.memory_bytes_per_s) + "/s",
          {{"platform.device.memory_bytes_per_s", d.memory_bytes_per_s}});
    scale("kernel launch", seconds_text(d.launch_s), {{"platform.device.launch_s", d.launch_s}});
    if (s_.plan.whole_step_graph())
      skip("host launch", "kernels are launched from a CUDA graph");
    else
      scale("host launch", seconds_text(d.host_launch_s),
            {{"platform.device.host_launch_s", d.host_launch_s}});
  }

  void sm_shares() {
    const Plan& p = s_.plan;
    const Pod& pod = s_.platform.pod();
    const bool takes_none = p.ep == 1 && p.communication_sms < 0;
    const int routed = takes_none ? 0 : pod.dispatch_sms(p.dispatcher, p.communication_sms),
              reduced = pod.collective_sms;
    sm_share("communication SMs", "plan.communication_sms", routed, reduced);
    if (p.overlap_grad_reduce || p.overlap_param_gather)
      sm_share("data-parallel SMs", "platform.collective_sms", reduced, routed);
    else
      skip("data-parallel SMs", "data-parallel communication is not beside compute");
  }

  // Whole SMs: at least one less and one more, and one left to compute beside those that are taken
  // already.
  void sm_share(const char* name, const char* key, int sms, int taken) {
    if (sms == 0) return skip(name, "none are taken");
    const int step = std::max(1, static_cast<int>(std::lround(sms * change_)));
    const int low = std::max(0, sms - step),
              high = std::min(s_.platform.pod().device.sms - 1 - taken, sms + step);
    if (low == 0 || low >= high) return skip(name, "too few to vary");
    knobs_.varied.push_back({name,
                             fmt::format("{} of {}", sms, s_.platform.pod().device.sms),
                             {fmt::format("{}={}", key, low)},
                             {fmt::format("{}={}", key, high)},
                             static_cast<double>(low) / sms,
                             static_cast<double>(high) / sms});
  }

  void wafer_links() {
    const WaferSystem& w = s_.platform.wafers();
    scale("system I/O", bytes_text(w.wafer.io_bytes_per_s) + "/s",
          {{"platform.wafer.io_bytes_per_s", w.wafer.io_bytes_per_s}});
    const std::vector<double>& levels = w.swarmx.level_bytes_per_s;
    int64_t reached = w.swarmx.fan_out;
    for (size_t level = 0; level < levels.size(); ++level, reached *= w.swarmx.fan_out) {
      const std::string name = fmt::format("SwarmX level {}", level);
      if (level > 0 && reached / w.swarmx.fan_out >= w.systems) {
        knobs_.not_varied.push_back({name, "fewer wafers than need it"});
        continue;
      }
      Knob knob{name, bytes_text(levels[level]) + "/s"};
      for (const bool high : {false, true}) {
        std::vector<double> scaled = levels;
        scaled[level] *= high ? 1 + change_ : 1 - change_;
        (high ? knob.high_sets : knob.low_sets)
            .push_back("platform.swarmx.level_bytes_per_s=" + powered(scaled, 1));
      }
      knob.low_ratio = 1 - change_, knob.high_ratio = 1 + change_;
      knobs_.varied.push_back(std::move(knob));
    }
    scale("MemoryX links", bytes_text(w.memoryx.egress_bytes_per_s) + "/s",
          {{"platform.memoryx.egress_bytes_per_s", w.memoryx.egress_bytes_per_s},
           {"platform.memoryx.ingress_bytes_per_s", w.memoryx.ingress_bytes_per_s}});
    scale("MemoryX updates", bytes_text(w.memoryx.update_bytes_per_s) + "/s",
          {{"platform.memoryx.update_bytes_per_s", w.memoryx.update_bytes_per_s}});
    scale("SwarmX latency", seconds_text(w.swarmx.latency_s),
          {{"platform.swarmx.latency_s", w.swarmx.latency_s}});
    buffer("prefetch window", "platform.prefetch_bytes", &WaferSystem::prefetch_bytes);
    buffer("gradient buffer", "platform.gradient_buffer_bytes",
           &WaferSystem::gradient_buffer_bytes);
    scale("step latency", seconds_text(w.step_latency_s),
          {{"platform.step_latency_s", w.step_latency_s}});
  }

  // A buffer takes SRAM: where the plan fits, it is not made larger than SRAM holds beside the
  // rest.
  void buffer(const char* name, const char* key, double WaferSystem::*bytes) {
    const WaferSystem& w = s_.platform.wafers();
    const auto fits = [this](const WaferSystem& system) {
      return derive_wafer_plan(s_.workload, with_faults(system, s_.faults), s_.plan, s_.batch)
                 .memory.total() <= system.wafer.sram_bytes;
    };
    WaferSystem larger = w;
    larger.*bytes *= 1 + change_;
    if (w.*bytes <= 0 || !fits(w) || fits(larger))
      return scale(name, bytes_text(w.*bytes), {{key, w.*bytes}});
    knobs_.varied.push_back({name,
                             bytes_text(w.*bytes) + "; less (SRAM does not hold more)",
                             {set_to(key, w.*bytes * (1 - change_))},
                             {set_to(key, w.*bytes)},
                             1 - change_,
                             1});
  }

  void wafer_cores() {
    const Wafer& w = s_.platform.wafers().wafer;
    scale("core clock", fmt::format("{:.3g} GHz", w.clock_hz / 1e9),
          {{"platform.wafer.clock_hz", w.clock_hz}});
    scale("MACs per cycle", fmt::format("{:g}", w.macs_per_cycle),
          {{"platform.wafer.macs_per_cycle", w.macs_per_cycle}});
    scale("weight issue", fmt::format("{:g} cycles", w.weight_issue_cycles),
          {{"platform.wafer.weight_issue_cycles", w.weight_issue_cycles}});
    scale("attention eta", fmt::format("{:g}", w.attention_efficiency),
          {{"platform.wafer.attention_efficiency", w.attention_efficiency}});
    scale("SRAM bandwidth", bytes_text(w.sram_bytes_per_s) + "/s",
          {{"platform.wafer.sram_bytes_per_s", w.sram_bytes_per_s}});
    skip("SRAM", "the attention tiles and batch that it holds are varied instead");
  }

  // Half and twice as many, each alone: half the tiles, or half the attention batch, are half the
  // microbatch. What SRAM does not hold is not tried.
  void tiles() {
    const auto fits = [this](const Plan& plan) {
      const WaferSystem w = with_faults(s_.platform.wafers(), s_.faults);
      return derive_wafer_plan(s_.workload, w, plan, s_.batch).memory.total() <= w.wafer.sram_bytes;
    };
    const Plan& p = s_.plan;
    Plan more_tiles = p, larger = p;
    more_tiles.attention_tiles *= 2;
    larger.attention_batch *= 2;
    halve_and_double("attention tiles", "plan.attention_tiles", p.attention_tiles,
                     fits(more_tiles));
    halve_and_double("attention batch", "plan.attention_batch", p.attention_batch, fits(larger));
    const int systems = s_.platform.wafers().systems, whole = s_.batch.global_batch;
    if (whole % (2 * systems) != 0) return skip("global batch", "wafers do not share half of it");
    halve_and_double("global batch", "batch.global_batch", whole, true);
  }

  void halve_and_double(const char* name, const char* key, int value, bool doubles) {
    const int low = std::max(1, value / 2), high = doubles ? 2 * value : value;
    if (low == high) return skip(name, "there is one, and SRAM does not hold twice as much");
    const char* tried = high == value ? "half" : low == value ? "twice" : "half, twice";
    knobs_.varied.push_back({name,
                             fmt::format("{}; {}", value, tried),
                             {fmt::format("{}={}", key, low)},
                             {fmt::format("{}={}", key, high)},
                             static_cast<double>(low) / value,
                             static_cast<double>(high) / value});
  }

  std::string powered(const std::vector<double>& loads, double power) const {
    std::string text;
    for (const double load : loads)
      text += (text.empty() ? "" : ", ") + fmt::format("{:.17g}", std::pow(load, power));
    return "[" + text + "]";
  }

  std::vector<std::string> skewed(double factor) const {
    const RoutingSpec& r = s_.routing;
    const bool drawn = r.kind == RoutingKind::zipf || r.kind == RoutingKind::dirichlet;
    if (drawn && r.target_overload > 1)
      return {set_to("routing.target_overload", 1 + (r.target_overload - 1) * factor)};
    if (r.kind == RoutingKind::zipf && r.exponent > 0)
      return {set_to("routing.exponent", r.exponent * factor)};
    // The deviation of a Dirichlet share goes with the root of the concentration.
    if (r.kind == RoutingKind::dirichlet)
      return {set_to("routing.concentration", r.concentration / (factor * factor))};
    if (r.kind != RoutingKind::histogram) return {};
    if (r.layer_histograms.empty()) return {"routing.histogram=" + powered(r.histogram, factor)};
    std::string lists;
    for (const auto& loads : r.layer_histograms)
      lists += (lists.empty() ? "" : ", ") + powered(loads, factor);
    return {"routing.layer_histograms=[" + lists + "]"};
  }

  void imbalance() {
    if (s_.workload.experts == 0 || s_.plan.ep == 1)
      return skip(kImbalance, "experts are not spread over ranks");
    skew();
  }

  void skew() {
    if (s_.routing.kind == RoutingKind::balanced || s_.routing.kind == RoutingKind::in_turn)
      return skip(kImbalance, "routing is forced to be balanced");
    Knob knob{kImbalance, "", skewed(1 - change_), skewed(1 + change_), 0, 0};
    if (knob.low_sets.empty()) return skip(kImbalance, "this kind of routing has no skew to scale");
    knobs_.varied.push_back(std::move(knob));
  }

  const Scenario& s_;
  double change_;
  Knobs knobs_;
};

}  // namespace

Knobs knobs_of(const Scenario& scenario, double change) { return KnobList(scenario, change).run(); }

}  // namespace moesim
