#include "config/consistency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "config/scenario.hpp"
#include "config/text.hpp"
#include "plan/layout.hpp"
#include "plan/schedule_text.hpp"

namespace moesim {
namespace {

using Keys = std::initializer_list<const char*>;

class Rules {
 public:
  Rules(const Scenario& scenario, const ValueSources& sources, Problems& problems)
      : s(scenario), sources_(sources), problems_(problems) {}

  // All of these values can be relied on. Rules may then divide by whatever the ranges keep from 0.
  bool known(Keys keys) const {
    return std::all_of(keys.begin(), keys.end(), [&](const char* key) {
      const auto source = sources_.find(key);
      return source == sources_.end() || source->second.sound;
    });
  }

  // The rule on these values must hold; the first key that is not a default takes the blame.
  template <class... Args>
  void require(bool holds, Keys keys, fmt::format_string<Args...> format, Args&&... args) {
    if (holds || !known(keys)) return;
    const char* blamed = *keys.begin();
    for (const char* key : keys) {
      const auto source = sources_.find(key);
      if (source == sources_.end() || source->second.origin == "default") continue;
      blamed = key;
      break;
    }
    const auto source = sources_.find(blamed);
    problems_.add(source == sources_.end() ? Place{} : source->second.place, blamed,
                  fmt::format(format, std::forward<Args>(args)...));
  }

  const Scenario& s;

 private:
  const ValueSources& sources_;
  Problems& problems_;
};

// a is a multiple of b; false rather than a fault for b = 0.
bool divides(int64_t b, int64_t a) { return b > 0 && a % b == 0; }

bool uses_fp8(PrecisionRecipe recipe) {
  return recipe != PrecisionRecipe::bf16 && recipe != PrecisionRecipe::nvfp4;
}

void check_attention(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  if (!rules.known({"workload.attention"})) return;
  if (w.attention == AttentionKind::gqa) {
    rules.require(w.kv_heads > 0, {"workload.kv_heads"}, "gqa attention needs kv_heads");
    rules.require(w.head_dim > 0, {"workload.head_dim"}, "gqa attention needs head_dim");
    rules.require(w.kv_heads == 0 || divides(w.kv_heads, w.heads),
                  {"workload.kv_heads", "workload.heads"},
                  "heads = {} is not a multiple of kv_heads = {}", w.heads, w.kv_heads);
  } else {
    rules.require(w.kv_lora_rank > 0, {"workload.kv_lora_rank"},
                  "mla attention needs kv_lora_rank");
    rules.require(w.qk_nope_dim > 0, {"workload.qk_nope_dim"}, "mla attention needs qk_nope_dim");
    rules.require(w.qk_rope_dim > 0, {"workload.qk_rope_dim"}, "mla attention needs qk_rope_dim");
    rules.require(w.v_dim > 0, {"workload.v_dim"}, "mla attention needs v_dim");
  }
  if (w.linear_attention_period > 0)
    rules.require(
        w.linear_key_heads > 0 && w.linear_value_heads > 0 && w.linear_head_dim > 0,
        {"workload.linear_attention_period"},
        "linear attention needs linear_key_heads, linear_value_heads and linear_head_dim");
}

void check_experts(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  if (!rules.known({"workload.experts"})) return;
  if (w.experts == 0) {
    rules.require(w.dense_ffn > 0, {"workload.dense_ffn"},
                  "a model without experts needs dense_ffn");
    return;
  }
  rules.require(w.top_k > 0, {"workload.top_k"}, "a model with experts needs top_k");
  rules.require(w.moe_ffn > 0, {"workload.moe_ffn"}, "a model with experts needs moe_ffn");
  rules.require(w.top_k <= w.experts, {"workload.top_k", "workload.experts"},
                "top_k = {} is more than the {} experts", w.top_k, w.experts);
  rules.require((w.first_dense_layers == 0 && w.moe_period == 1) || w.dense_ffn > 0,
                {"workload.dense_ffn", "workload.first_dense_layers", "workload.moe_period"},
                "layers without experts need dense_ffn");
  rules.require(w.shared_experts == 0 || w.shared_ffn > 0,
                {"workload.shared_ffn", "workload.shared_experts"},
                "shared experts need shared_ffn");
  const Keys groups = {"workload.n_group", "workload.experts"};
  rules.require(divides(w.n_group, w.experts), groups,
                "{} experts do not form n_group = {} equal groups", w.experts, w.n_group);
  rules.require(w.topk_group <= w.n_group, {"workload.topk_group", "workload.n_group"},
                "topk_group = {} is more than n_group = {}", w.topk_group, w.n_group);
  rules.require(!divides(w.n_group, w.experts) || w.top_k > w.experts ||
                    w.top_k <= int64_t{w.topk_group} * (w.experts / w.n_group),
                {"workload.topk_group", "workload.n_group", "workload.top_k", "workload.experts"},
                "topk_group = {} groups hold fewer than top_k = {} experts", w.topk_group, w.top_k);
}

void check_ranks(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const Pod& pod = rules.s.platform.pod();
  const Plan& p = rules.s.plan;
  const int64_t attention = int64_t{p.tp} * p.cp * p.pp, experts = int64_t{p.ep} * p.etp * p.pp;
  rules.require(divides(attention, pod.gpus), {"plan.tp", "plan.cp", "plan.pp", "platform.gpus"},
                "tp x cp x pp = {} x {} x {} = {} does not divide platform.gpus = {}", p.tp, p.cp,
                p.pp, attention, pod.gpus);
  rules.require(divides(experts, pod.gpus), {"plan.ep", "plan.etp", "plan.pp", "platform.gpus"},
                "ep x etp x pp = {} x {} x {} = {} does not divide platform.gpus = {}", p.ep, p.etp,
                p.pp, experts, pod.gpus);
  rules.require(pod.gpus <= pod.gpus_per_node || divides(pod.gpus_per_node, pod.gpus),
                {"platform.gpus", "platform.gpus_per_node"},
                "{} is not a multiple of gpus_per_node = {}; where nodes are used in part, give "
                "the devices used per node",
                pod.gpus, pod.gpus_per_node);
  const Keys ep = {"plan.ep", "workload.experts"};
  rules.require(w.experts > 0 || p.ep == 1, ep, "expert parallelism needs a model with experts");
  rules.require(w.experts == 0 || divides(p.ep, w.experts), ep,
                "{} experts are not divisible by ep = {}", w.experts, p.ep);
  rules.require(divides(p.tp, w.heads), {"plan.tp", "workload.heads"},
                "{} heads are not divisible by tp = {}", w.heads, p.tp);
  rules.require(w.attention != AttentionKind::gqa || w.kv_heads == 0 || divides(p.tp, w.kv_heads) ||
                    divides(w.kv_heads, p.tp),
                {"plan.tp", "workload.kv_heads", "workload.attention"},
                "kv_heads = {} and tp = {}: neither divides the other", w.kv_heads, p.tp);
  rules.require(divides(p.tp, w.dense_ffn), {"plan.tp", "workload.dense_ffn"},
                "dense_ffn = {} is not divisible by tp = {}", w.dense_ffn, p.tp);
  rules.require(divides(p.etp, w.moe_ffn), {"plan.etp", "workload.moe_ffn"},
                "moe_ffn = {} is not divisible by etp = {}", w.moe_ffn, p.etp);
  rules.require(divides(p.tp, w.shared_ffn), {"plan.tp", "workload.shared_ffn"},
                "shared_ffn = {} is not divisible by tp = {}", w.shared_ffn, p.tp);
}

// What multiplies pp to the number of slices of the model.
std::string chunks_key(const Plan& p) {
  const bool folded = traits(p.schedule).order == SliceOrder::folded;
  return folded ? fmt::format("2 ({})", spelling(p.schedule)) : "vpp";
}

std::vector<std::string> schedules_with(bool ScheduleTraits::*trait) {
  std::vector<std::string> names;
  for (const ScheduleTraits& schedule : kSchedules)
    if (schedule.*trait) names.emplace_back(schedule.name);
  return names;
}

void check_layout(Rules& rules) {
  const Plan& p = rules.s.plan;
  const ModelShape& w = rules.s.workload;
  const Keys key = {"plan.layout"};
  const int64_t chunks = pipeline_shape(p).slices;
  Layout layout;
  try {
    layout = parse_layout(p.layout);
  } catch (const InputError& error) {
    return rules.require(false, key, "{}", error.what());
  }
  rules.require(static_cast<int64_t>(layout.size()) == chunks,
                {"plan.layout", "plan.pp", "plan.vpp"},
                "the layout has {} chunks, but pp x {} = {} x {} = {}", layout.size(),
                chunks_key(p), p.pp, chunks / p.pp, chunks);
  const int layers = count_items(layout, LayoutItem::layer),
            mtp = count_items(layout, LayoutItem::mtp);
  rules.require(layers == w.layers, {"plan.layout", "workload.layers"},
                "the layout has {} layers (t), the model {}", layers, w.layers);
  rules.require(mtp == w.mtp_layers, {"plan.layout", "workload.mtp_layers"},
                "the layout has {} multi-token-prediction layers (m), the model {}", mtp,
                w.mtp_layers);
  std::vector<LayoutItem> flat;
  for (const std::vector<LayoutItem>& chunk : layout)
    flat.insert(flat.end(), chunk.begin(), chunk.end());
  const bool once =
      count_items(layout, LayoutItem::embedding) == 1 && count_items(layout, LayoutItem::loss) == 1;
  rules.require(once && std::is_sorted(flat.begin(), flat.end()) && !layout.front().empty() &&
                    !layout.back().empty(),
                key, "a layout starts with one E, then t, then m, and ends with one L");
}

// `microbatches` per rank.
void check_schedule(Rules& rules, int64_t microbatches) {
  const Plan& p = rules.s.plan;
  const Keys keys = {"plan.schedule", "plan.pp", "batch.global_batch"};
  const int64_t multiple = microbatch_multiple(p), fewest = fewest_microbatches(p);
  rules.require(
      divides(multiple, microbatches), {"batch.global_batch", "plan.pp", "plan.vpp"},
      "{} microbatches per rank are not divisible by {} = {}, which the {} schedule needs",
      microbatches, multiple == p.pp ? "pp" : "two directions", multiple, spelling(p.schedule));
  rules.require(microbatches >= fewest, keys,
                "{} microbatches per rank are fewer than 2 x pp = {}, which {} needs", microbatches,
                fewest, spelling(p.schedule));
  if (!traits(p.schedule).listed || static_cast<int>(p.schedule_ops.size()) != p.pp) return;
  std::vector<StageOps> stages;
  try {
    for (const std::string& text : p.schedule_ops) stages.push_back(parse_schedule(text));
  } catch (const std::invalid_argument& error) {
    return rules.require(false, {"plan.schedule_ops"}, "stage {}: {}", stages.size(), error.what());
  }
  const std::string problem =
      schedule_problem(pipeline_shape(p), stages, static_cast<int>(microbatches));
  rules.require(problem.empty(), {"plan.schedule_ops"}, "{}", problem);
}

void check_pipeline(Rules& rules) {
  const Plan& p = rules.s.plan;
  const ModelShape& w = rules.s.workload;
  const ScheduleTraits& schedule = traits(p.schedule);
  const bool custom = schedule.listed;
  rules.require(p.vpp == 1 || custom || schedule.interleaves, {"plan.vpp", "plan.schedule"},
                "vpp = {} needs schedule: {}", p.vpp,
                join_or(schedules_with(&ScheduleTraits::interleaves)));
  rules.require(schedule.order != SliceOrder::two_way || p.pp % 2 == 0,
                {"plan.pp", "plan.schedule"}, "{} needs an even pp, not {}", schedule.name, p.pp);
  const Keys lists = {"plan.schedule_ops", "plan.schedule", "plan.pp"};
  rules.require(custom || p.schedule_ops.empty(), lists,
                "lists of operations need schedule: custom");
  rules.require(!custom || !p.schedule_ops.empty(), lists,
                "schedule: custom needs schedule_ops: a list of operations for each of the pp = {} "
                "stages, as "
                "[\"F0 F1 B0 B1\"]",
                p.pp);
  rules.require(
      !custom || p.schedule_ops.empty() || static_cast<int>(p.schedule_ops.size()) == p.pp, lists,
      "{} lists of operations for pp = {} stages", p.schedule_ops.size(), p.pp);
  rules.require(!p.ep_overlap || schedule.takes_ep_overlap, {"plan.ep_overlap", "plan.schedule"},
                "ep_overlap needs schedule {}; {} overlap by themselves",
                join_or(schedules_with(&ScheduleTraits::takes_ep_overlap)),
                fmt::join(schedules_with(&ScheduleTraits::dual), " and "));
  rules.require(p.vpp > 1 || !schedule.interleaves, {"plan.schedule", "plan.vpp"},
                "{} needs vpp > 1", schedule.name);
  rules.require(w.experts == 0 || p.tp == 1 || p.sequence_parallel,
                {"plan.sequence_parallel", "plan.tp"},
                "experts with tp = {} need sequence_parallel: every tensor rank would dispatch the "
                "same tokens",
                p.tp);
  rules.require(p.vpp == 1 || p.pp > 1, {"plan.vpp", "plan.pp"}, "vpp = {} needs pp > 1", p.vpp);
  if (!rules.known({"plan.layout"})) return;
  if (!p.layout.empty()) return check_layout(rules);
  const int64_t chunks = pipeline_shape(p).slices;
  rules.require(divides(chunks, w.layers), {"plan.pp", "plan.vpp", "workload.layers"},
                "{} layers do not divide into pp x {} = {} x {} = {} chunks; give plan.layout",
                w.layers, chunks_key(p), p.pp, chunks / p.pp, chunks);
}

void check_batch(Rules& rules) {
  const Pod& pod = rules.s.platform.pod();
  const Plan& p = rules.s.plan;
  const Batch& b = rules.s.batch;
  const int64_t cell = int64_t{p.tp} * p.cp * p.pp;
  if (divides(cell, pod.gpus)) {
    const int64_t dp = pod.gpus / cell, per_round = dp * b.micro_batch;
    const Keys keys = {"batch.global_batch", "batch.micro_batch", "plan.tp", "plan.cp", "plan.pp",
                       "platform.gpus"};
    rules.require(divides(per_round, b.global_batch), keys,
                  "{} sequences are not divisible by micro_batch x dp = {} x {} = {}",
                  b.global_batch, b.micro_batch, dp, per_round);
    if (divides(per_round, b.global_batch) && rules.known(keys))
      check_schedule(rules, b.global_batch / per_round);
    const int64_t replica = std::lcm(int64_t{p.tp} * p.cp, int64_t{p.etp} * p.ep) * p.pp;
    if (divides(replica, pod.gpus))
      rules.require(
          p.simulated_replicas <= pod.gpus / replica,
          {"plan.simulated_replicas", "plan.tp", "plan.cp", "plan.ep", "plan.pp", "platform.gpus"},
          "{} is more than the {} replicas there are", p.simulated_replicas, pod.gpus / replica);
  }
  const bool ring = p.cp_kind == CpKind::ring && p.cp > 1;
  const int64_t parts = int64_t{p.cp} * (ring ? 2 : 1);
  rules.require(
      divides(parts, b.sequence_length), {"batch.sequence_length", "plan.cp", "plan.cp_kind"},
      "{} tokens are not divisible by {} = {}", b.sequence_length, ring ? "2 x cp" : "cp", parts);
  if (divides(p.cp, b.sequence_length) && p.sequence_parallel)
    rules.require(divides(p.tp, b.sequence_length / p.cp),
                  {"batch.sequence_length", "plan.tp", "plan.cp", "plan.sequence_parallel"},
                  "{} tokens of a context-parallel rank are not divisible by tp = {}, which "
                  "sequence_parallel needs",
                  b.sequence_length / p.cp, p.tp);
}

void check_precision(Rules& rules) {
  const Plan& p = rules.s.plan;
  const Device& d = rules.s.platform.pod().device;
  const Keys fp8 = {"plan.precision", "platform.device.peak_fp8_flops"};
  rules.require(!uses_fp8(p.precision) || d.peak_fp8_flops > 0, fp8,
                "{} needs a device with peak_fp8_flops", spelling(p.precision));
  rules.require(p.precision != PrecisionRecipe::nvfp4 || d.peak_fp4_flops > 0,
                {"plan.precision", "platform.device.peak_fp4_flops"},
                "{} needs a device with peak_fp4_flops", spelling(p.precision));
  rules.require(p.precision == PrecisionRecipe::bf16 || d.fp8_efficiency > 0,
                {"plan.precision", "platform.device.fp8_efficiency"},
                "{} needs a device with fp8_efficiency", spelling(p.precision));
  rules.require(p.dispatch_precision == PrecisionRecipe::bf16 || d.peak_fp8_flops > 0,
                {"plan.dispatch_precision", "platform.device.peak_fp8_flops"},
                "{} needs a device with peak_fp8_flops", spelling(p.dispatch_precision));
}

void check_plan_options(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const Pod& pod = rules.s.platform.pod();
  const Plan& p = rules.s.plan;
  rules.require(p.zero_stage != 2, {"plan.zero_stage"}, "must be 0, 1 or 3, got 2");
  rules.require(
      p.communication_sms < pod.device.sms, {"plan.communication_sms", "platform.device.sms"},
      "{} leave none of the device's {} SMs to compute", p.communication_sms, pod.device.sms);
  rules.require(p.communication_sms >= pod.device.sms ||
                    p.communication_sms + pod.collective_sms < pod.device.sms,
                {"platform.collective_sms", "plan.communication_sms", "platform.device.sms"},
                "{}, and {} of dispatch and combine, leave none of the device's {} SMs to compute",
                pod.collective_sms, p.communication_sms, pod.device.sms);
  rules.require(!p.fp8_output_proj || p.precision != PrecisionRecipe::bf16,
                {"plan.fp8_output_proj", "plan.precision"}, "has no effect with precision: bf16");
  rules.require(p.gather_in_step || p.zero_stage == 1, {"plan.gather_in_step", "plan.zero_stage"},
                "false has no effect without zero_stage: 1");
  const Keys modules = {"plan.recompute_modules", "plan.recompute"};
  const bool selective = p.recompute == Recompute::selective;
  rules.require(p.recompute_modules.empty() || selective, modules,
                "has no effect without recompute: selective");
  rules.require(!p.recompute_modules.empty() || !selective, modules,
                "recompute: selective needs recompute_modules");
  const auto mla = std::count(p.recompute_modules.begin(), p.recompute_modules.end(),
                              RecomputeModule::mla_up_proj);
  rules.require(mla == 0 || w.attention == AttentionKind::mla,
                {"plan.recompute_modules", "workload.attention"},
                "mla_up_proj needs a model with mla attention");
}

void check_loads(Rules& rules, const std::vector<double>& loads, const char* key) {
  const int experts = rules.s.workload.experts;
  rules.require(static_cast<int64_t>(loads.size()) == experts,
                {key, "routing.kind", "workload.experts"},
                "has {} entries for the {} experts of the model", loads.size(), experts);
  const double total = std::accumulate(loads.begin(), loads.end(), 0.0);
  rules.require(loads.empty() || total > 0, {key}, "no expert has any load");
}

void check_recorded(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const std::vector<RecordedCount>& counts = rules.s.routing.recorded;
  rules.require(!counts.empty(), {"routing.recorded", "routing.kind"},
                "kind: recorded needs recorded counts");
  std::map<std::pair<int, int>, double> tokens;  // by layer and step
  for (const RecordedCount& count : counts)
    tokens[{count.layer, count.step}] += static_cast<double>(count.tokens);
  const int layers = w.layers + w.mtp_layers;
  for (const auto& [at, total] : tokens)
    rules.require(total > 0 || at.first >= layers || !has_experts(w, at.first),
                  {"routing.recorded", "routing.recorded_file", "routing.kind"},
                  "layer {} has no tokens in step {}", at.first, at.second);
  const auto unknown = [&](const RecordedCount& c) {
    return c.layer >= layers || c.expert >= w.experts;
  };
  const auto found = std::find_if(counts.begin(), counts.end(), unknown);
  if (found == counts.end()) return;
  rules.require(false,
                {"routing.recorded", "workload.layers", "workload.mtp_layers", "workload.experts"},
                "row {}: the model has no layer {} with an expert {}", found - counts.begin(),
                found->layer, found->expert);
}

void check_routing(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const Plan& p = rules.s.plan;
  const RoutingSpec& r = rules.s.routing;
  if (rules.known({"routing.kind"}) && r.kind == RoutingKind::histogram) {
    if (r.layer_histograms.empty()) check_loads(rules, r.histogram, "routing.histogram");
    for (const std::vector<double>& loads : r.layer_histograms)
      check_loads(rules, loads, "routing.layer_histograms");
    rules.require(r.histogram.empty() || r.layer_histograms.empty(),
                  {"routing.layer_histograms", "routing.histogram"},
                  "give either histogram or layer_histograms");
  }
  if (rules.known({"routing.kind"}) && r.kind == RoutingKind::recorded) check_recorded(rules);
  if (!rules.known({"routing.placement"})) return;
  const Keys table = {"routing.expert_of_slot", "routing.placement", "workload.experts"};
  if (r.placement == Placement::table) {
    std::vector<int> slots = r.expert_of_slot;
    std::sort(slots.begin(), slots.end());
    const bool each_once = static_cast<int64_t>(slots.size()) == w.experts &&
                           std::adjacent_find(slots.begin(), slots.end()) == slots.end() &&
                           (slots.empty() || slots.back() < w.experts);
    rules.require(each_once, table,
                  "placement: table needs each of the {} experts once in expert_of_slot",
                  w.experts);
  }
  if (r.placement == Placement::eplb || r.placement == Placement::eplb_global)
    rules.require(divides(p.ep, r.redundant_experts), {"routing.redundant_experts", "plan.ep"},
                  "{} redundant experts are not divisible by ep = {}", r.redundant_experts, p.ep);
}

void check_place(Rules& rules, const std::string& key, const FaultyPlace& place) {
  const Pod& pod = rules.s.platform.pod();
  const std::string rank = key + ".rank", node = key + ".node", gpu = key + ".gpu";
  const int nodes = (pod.gpus + pod.gpus_per_node - 1) / std::max(1, pod.gpus_per_node);
  rules.require((place.rank >= 0) != (place.node >= 0), {rank.c_str(), node.c_str()},
                "give either a rank, or a node and perhaps a gpu");
  rules.require(place.gpu < 0 || place.node >= 0, {gpu.c_str()},
                "gpu counts within a node: give the node too");
  rules.require(place.rank < pod.gpus, {rank.c_str(), "platform.gpus"}, "ranks are 0 to {}",
                pod.gpus - 1);
  rules.require(place.node < nodes, {node.c_str(), "platform.gpus"}, "nodes are 0 to {}",
                nodes - 1);
  rules.require(place.gpu < pod.gpus_per_node, {gpu.c_str(), "platform.gpus_per_node"},
                "a node has devices 0 to {}", pod.gpus_per_node - 1);
}

void check_faults(Rules& rules) {
  const FaultSpec& faults = rules.s.faults;
  const Pod& pod = rules.s.platform.pod();
  if (!rules.known({"platform.gpus", "platform.gpus_per_node"})) return;
  for (size_t i = 0; i < faults.devices.size(); ++i)
    check_place(rules, fmt::format("faults.devices[{}]", i), faults.devices[i].place);
  std::map<int, int> dead;  // NICs by node
  for (int rank = 0; rank < pod.gpus && !faults.links.empty(); ++rank)
    if (link_health(faults, pod.gpus_per_node, rank).nic <= 0) ++dead[rank / pod.gpus_per_node];
  for (size_t i = 0; i < faults.links.size(); ++i) {
    const LinkFault& link = faults.links[i];
    const std::string key = fmt::format("faults.links[{}]", i), nic = key + ".nic";
    check_place(rules, key, link.place);
    if (link.nic > 0) continue;
    const int node = link.place.rank >= 0 ? link.place.rank / pod.gpus_per_node : link.place.node;
    rules.require(pod.gpus <= pod.gpus_per_node || dead[node] < pod.gpus_per_node, {nic.c_str()},
                  "no NIC of node {} works: nothing to go over instead", node);
  }
}

// Each wafer works for itself: there is nothing to divide over, and no pipeline.
void check_wafers(Rules& rules) {
  const Plan& p = rules.s.plan;
  const Batch& b = rules.s.batch;
  const int systems = rules.s.platform.wafers().systems;
  const auto one = [&](int value, const char* key) {
    rules.require(value == 1, {key},
                  "must be 1 on a wafer system, got {}: wafers are data parallel only", value);
  };
  one(p.tp, "plan.tp");
  one(p.cp, "plan.cp");
  one(p.ep, "plan.ep");
  one(p.etp, "plan.etp");
  one(p.pp, "plan.pp");
  one(p.vpp, "plan.vpp");
  rules.require(p.precision == PrecisionRecipe::bf16, {"plan.precision"},
                "{} is not known on a wafer: only bf16", spelling(p.precision));
  rules.require(p.recompute != Recompute::selective, {"plan.recompute"},
                "selective recomputation is not known on a wafer: none or full");
  const int most = rules.s.platform.wafers().most_systems;
  rules.require(systems <= most, {"platform.systems", "platform.most_systems"},
                "{} is more than most_systems = {}", systems, most);
  rules.require(b.global_batch == 0 || divides(systems, b.global_batch),
                {"batch.global_batch", "platform.systems"},
                "{} sequences are not divisible by {} systems", b.global_batch, systems);
  rules.require(p.simulated_replicas <= systems, {"plan.simulated_replicas", "platform.systems"},
                "{} is more than the {} systems", p.simulated_replicas, systems);
  rules.require(b.global_batch > 0 || p.attention_tiles > 0 || p.attention_batch >= 0,
                {"plan.attention_batch", "plan.attention_tiles", "batch.global_batch"},
                "global_batch, attention_tiles and attention_batch cannot all be left open");
  rules.require(!rules.s.platform.wafers().swarmx.level_bytes_per_s.empty(),
                {"platform.swarmx.level_bytes_per_s"}, "needs at least one level");
}

}  // namespace

void check_consistency(const Scenario& scenario, const ValueSources& sources, Problems& problems) {
  Rules rules(scenario, sources, problems);
  check_attention(rules);
  check_experts(rules);
  if (scenario.platform.is_wafer_system()) {
    check_wafers(rules);
    rules.require(!scenario.faults.any(), {"faults.devices", "faults.links"},
                  "faults are known of GPU pods only");
    return check_routing(rules);
  }
  if (scenario.batch.global_batch == 0 && rules.known({"batch.global_batch"}))
    return rules.require(false, {"batch.global_batch"}, "auto is for wafer systems");
  check_ranks(rules);
  check_pipeline(rules);
  check_batch(rules);
  check_precision(rules);
  check_plan_options(rules);
  check_routing(rules);
  check_faults(rules);
}

}  // namespace moesim
