#include "report/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/breakdown.hpp"

namespace moesim {

namespace {

using nlohmann::ordered_json;

// Bytes and tokens are doubles here but whole to the reader.
ordered_json whole(double value) {
  constexpr double kExactIntegers = 9007199254740992;  // 2^53
  if (std::fabs(value) <= kExactIntegers && value == std::floor(value))
    return static_cast<int64_t>(value);
  return value;
}

ordered_json breakdown_json(const Breakdown& breakdown) {
  ordered_json json = ordered_json::object();
  for (const BreakdownPart& part : parts_of(breakdown))
    if (!part.wafer_only || part.seconds != 0) json[part.key] = part.seconds;
  return json;
}

ordered_json pipeline_json(const StepReport& report) {
  ordered_json stages = ordered_json::array();
  for (const PipelineStage& stage : report.pipeline)
    stages.push_back({{"stage", stage.stage},
                      {"forward_s", stage.seconds[0]},
                      {"backward_s", stage.seconds[1]},
                      {"weight_gradient_s", stage.seconds[2]},
                      {"overlapped_s", stage.seconds[3]},
                      {"optimizer_s", stage.seconds[4]},
                      {"bubble_s", stage.bubble_s}});
  return stages;
}

ordered_json memory_json(const StepReport& report) {
  ordered_json stages = ordered_json::array();
  for (const StageMemory& stage : report.memory) {
    stages.push_back({{"stage", stage.stage},
                      {"parameters_bytes", whole(stage.parameters_bytes)},
                      {"gradients_bytes", whole(stage.gradients_bytes)},
                      {"optimizer_bytes", whole(stage.optimizer_bytes)},
                      {"activations_bytes", whole(stage.activations_bytes)},
                      {"total_bytes", whole(stage.total_bytes)},
                      {"capacity_bytes", whole(stage.capacity_bytes)},
                      {"fits", stage.fits}});
    if (!stage.name.empty()) stages.back()["name"] = stage.name;
    if (!stage.breaks_it.empty()) stages.back()["breaks_it"] = stage.breaks_it;
  }
  return stages;
}

ordered_json critical_path_json(const StepReport& report) {
  ordered_json entries = ordered_json::array();
  for (const CriticalPathEntry& entry : report.critical_path)
    entries.push_back({{"op", entry.op},
                       {"kind", entry.kind},
                       {"link", entry.link},
                       {"seconds", entry.seconds},
                       {"share", entry.share},
                       {"count", entry.count}});
  return entries;
}

ordered_json resources_json(const StepReport& report) {
  ordered_json entries = ordered_json::array();
  for (const ResourceUse& use : report.resources)
    entries.push_back({{"name", use.name},
                       {"busy_fraction", use.busy_fraction},
                       {"bytes", whole(use.bytes)},
                       {"kind", use.kind}});
  return entries;
}

ordered_json simulation_json(const SimulationFacts& facts, const JsonOptions& options) {
  const bool machine = options.machine_facts;
  return {{"wall_s", machine ? ordered_json(facts.wall_s) : ordered_json()},
          {"tasks", facts.tasks},
          {"flows", facts.flows},
          {"peak_rss_bytes", machine ? ordered_json(facts.peak_rss_bytes) : ordered_json()},
          {"folded", facts.folded},
          {"activities", facts.activities},
          {"timers", facts.timers},
          {"transfers", facts.transfers},
          {"contended_transfers", facts.contended_transfers}};
}

ordered_json interval_json(const Goodput& goodput) {
  return {{"checkpoint_interval_s", goodput.checkpoint_interval_s},
          {"steps_per_checkpoint", goodput.steps_per_checkpoint},
          {"goodput", goodput.fraction},
          {"ci95_low", goodput.ci95_low},
          {"ci95_high", goodput.ci95_high},
          {"formula_goodput", goodput.formula_fraction},
          {"checkpoint_fraction", goodput.checkpoint_fraction},
          {"lost_fraction", goodput.lost_fraction},
          {"restart_fraction", goodput.restart_fraction},
          {"failures_per_day", goodput.failures_per_day},
          {"tokens_per_day", goodput.tokens_per_day}};
}

ordered_json goodput_json(const GoodputReport& report) {
  ordered_json json = {{"system_mtbf_s", report.system_mtbf_s},
                       {"duration_s", report.duration_s},
                       {"trials", report.trials}};
  json.update(interval_json(report.asked));
  json["young_interval_s"] = report.young_interval_s;
  json["daly_interval_s"] = report.daly_interval_s;
  json["optimum"] = interval_json(report.optimum);
  return json;
}

}  // namespace

std::string json_text(const StepReport& report, const JsonOptions& options) {
  const ordered_json json = {{"scenario", report.scenario},
                             {"moesim_version", report.moesim_version},
                             {"simgrid_version", report.simgrid_version},
                             {"seed", report.seed},
                             {"fidelity", report.fidelity},
                             {"devices", report.devices},
                             {"step_time_s", report.step_time_s},
                             {"tokens_per_step", whole(report.tokens_per_step)},
                             {"tokens_per_s", report.tokens_per_s},
                             {"tokens_per_s_per_device", report.tokens_per_s_per_device},
                             {"model_flops_per_step", report.model_flops_per_step},
                             {"tflops_per_device", report.tflops_per_device},
                             {"mfu", report.mfu},
                             {"breakdown_s", breakdown_json(report.breakdown_s)},
                             {"memory", memory_json(report)},
                             {"overload_factor", report.overload_factor},
                             {"lower_bound_s", report.lower_bound_s},
                             {"critical_path", critical_path_json(report)},
                             {"resources", resources_json(report)},
                             {"simulation", simulation_json(report.simulation, options)},
                             {"model", report.model},
                             {"platform", report.platform},
                             {"lower_bound_by", report.lower_bound_by},
                             {"layer_overload", report.layer_overload},
                             {"pipeline", pipeline_json(report)}};
  ordered_json all = json;
  if (!report.faults.empty()) all["faults"] = report.faults;
  if (report.goodput) all["goodput"] = goodput_json(*report.goodput);
  // Names come from files; bytes that are not UTF-8 are replaced, not fatal.
  return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
