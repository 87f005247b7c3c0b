#include "config/consistency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "config/consistency_rules.hpp"
#include "plan/layout.hpp"
#include "plan/schedule_text.hpp"

namespace moesim {
namespace {

bool uses_fp8(PrecisionRecipe recipe) {
  return recipe != PrecisionRecipe::bf16 && recipe != PrecisionRecipe::nvfp4;
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
  const RoutingSpec& routing = rules.s.routing;
  rules.require(w.experts == 0 || replicates(routing.placement) || divides(p.ep, w.experts), ep,
                "{} experts are not divisible by ep = {}", w.experts, p.ep);
  rules.require(divides(p.tp, w.heads), {"plan.tp", "workload.heads"},
                "{} heads are not divisible by tp = {}", w.heads, p.tp);
  rules.require(w.attention != AttentionKind::gqa || w.kv_heads == 0 || divides(p.tp, w.kv_heads) ||
                    divides(w.kv_heads, p.tp),
                {"plan.tp", "workload.kv_heads", "workload.attention"},
                "kv_heads = {} and tp = {}: neither divides the other", w.kv_heads, p.tp);
  rules.require(divides(p.tp, w.dense_ffn), {"plan.tp", "workload.dense_ffn"},
                "dense_ffn = {} is not divisible by tp = {}", w.dense_ffn, p.tp);
  check_cut_mixers(rules);
  rules.require(divides(p.etp, w.moe_ffn), {"plan.etp", "workload.moe_ffn"},
                "moe_ffn = {} is not divisible by etp = {}", w.moe_ffn, p.etp);
  rules.require(divides(p.tp, w.shared_ffn), {"plan.tp", "workload.shared_ffn"},
                "shared_ffn = {} is not divisible by tp = {}", w.shared_ffn, p.tp);
}

// Returns the factor by which the model has more slices than stages.
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
  const Keys faster = {"platform.device.peak_fp8_flops", "platform.device.peak_bf16_flops"};
  rules.require(d.peak_fp8_flops == 0 || d.peak_fp8_flops >= d.peak_bf16_flops, faster,
                "is less than peak_bf16_flops = {:g}", d.peak_bf16_flops);
  rules.require(d.peak_fp4_flops == 0 || d.peak_fp4_flops >= d.peak_fp8_flops,
                {"platform.device.peak_fp4_flops", "platform.device.peak_fp8_flops"},
                "is less than peak_fp8_flops = {:g}", d.peak_fp8_flops);
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
  const bool takes_none = p.ep == 1 && p.communication_sms < 0;
  const int dispatch_sms = takes_none ? 0 : pod.dispatch_sms(p.dispatcher, p.communication_sms);
  rules.require(dispatch_sms < pod.device.sms, {"plan.communication_sms", "platform.device.sms"},
                "{} leave none of the device's {} SMs to compute", dispatch_sms, pod.device.sms);
  rules.require(
      dispatch_sms >= pod.device.sms || dispatch_sms + pod.collective_sms < pod.device.sms,
      {"platform.collective_sms", "plan.communication_sms", "platform.device.sms"},
      "{}, and {} of dispatch and combine, leave none of the device's {} SMs to compute",
      pod.collective_sms, dispatch_sms, pod.device.sms);
  rules.require(!traits(p.all_to_all).two_hop || traits(p.dispatcher).two_hop(),
                {"plan.all_to_all", "plan.dispatcher"},
                "{} chooses flows, not the way of tokens, and {} sends them in one hop: use flat, "
                "port_balanced or closed_form",
                spelling(p.all_to_all), traits(p.dispatcher).name);
  rules.require(!p.fp8_output_proj || p.precision != PrecisionRecipe::bf16,
                {"plan.fp8_output_proj", "plan.precision"}, "has no effect with precision: bf16");
  rules.require(p.gather_in_step || p.shards_optimizer_only(),
                {"plan.gather_in_step", "plan.zero_stage"},
                "false has no effect without zero_stage: 1 or 2");
  const auto divides_replicas = [&](int64_t cell) {
    return !divides(cell, pod.gpus) || divides(p.optimizer_instances, pod.gpus / cell);
  };
  rules.require(
      divides_replicas(int64_t{p.tp} * p.pp) &&
          (w.experts == 0 || divides_replicas(int64_t{p.etp} * p.ep * p.pp)),
      {"plan.optimizer_instances", "plan.tp", "plan.ep", "plan.etp", "plan.pp", "platform.gpus"},
      "{} does not divide the replicas of the dense parameters and of the experts",
      p.optimizer_instances);
  rules.require(p.optimizer_instances == 1 || p.zero_stage > 0,
                {"plan.optimizer_instances", "plan.zero_stage"}, "{} need zero_stage > 0",
                p.optimizer_instances);
  const Keys modules = {"plan.recompute_modules", "plan.recompute"};
  const bool selective = p.recompute == Recompute::selective;
  rules.require(p.recompute_keeps.empty() || p.recompute == Recompute::full,
                {"plan.recompute_keeps", "plan.recompute"},
                "has no effect without recompute: full");
  rules.require(p.recompute_layers == 0 || p.recompute == Recompute::full,
                {"plan.recompute_layers", "plan.recompute"},
                "has no effect without recompute: full");
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

}  // namespace

void check_consistency(const Scenario& scenario, const ValueSources& sources, Problems& problems) {
  Rules rules(scenario, sources, problems);
  check_model(rules);
  if (scenario.platform.is_wafer_system()) {
    check_wafers(rules);
    check_wafer_faults(rules);
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
