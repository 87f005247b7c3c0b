#include "search/search_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "report/json.hpp"

namespace moesim {

namespace {

using nlohmann::ordered_json;

// Names what the device does most beside computing, and its share of the step: "25 % EP".
std::string binds(const StepReport& report) {
  const BreakdownPart* most = nullptr;
  for (const BreakdownPart& part : kBreakdownParts) {
    if (part.seconds == &Breakdown::compute) continue;
    if (most == nullptr || report.breakdown_s.*part.seconds > report.breakdown_s.*(most->seconds))
      most = &part;
  }
  std::string label = most->figure.label;
  if (label.starts_with("exposed ")) label.erase(0, 8);
  return fmt::format("{:.0f} % {}", 100 * report.breakdown_s.*(most->seconds) / report.step_time_s,
                     label);
}

// The fullest stage's share of its capacity.
double memory_share(const StepReport& report) {
  double share = 0;
  for (const StageMemory& stage : report.memory)
    share = std::max(share, (stage.total_bytes + stage.outside_bytes) / stage.capacity_bytes);
  return share;
}

std::string heading(const Scenario& base) {
  const Pod& pod = base.platform.pod();
  return fold(fmt::format("{} on {}, {} GPUs; {} sequences of {} tokens a step", base.workload.name,
                          pod.name, pod.gpus, base.batch.global_batch, base.batch.sequence_length),
              0, 2);
}

std::string guarantee(const SearchResult& result) {
  const std::string whole = fmt::format(
      "The {} best of those were simulated whole. An estimate comes from two short steps, no "
      "bound: "
      "the order is found, not proved.",
      result.simulated);
  if (result.estimated == result.fitting)
    return fold(fmt::format("All {} mappings that fit were estimated. ", result.fitting) + whole, 0,
                0);
  return fold(fmt::format("The time was over after {} of {} mappings that fit, likelier ones "
                          "first: --time gives it more. ",
                          result.estimated, result.fitting) +
                  whole,
              0, 0);
}

}  // namespace

std::string mapping_name(const Plan& plan, const Batch& batch) {
  std::string name;
  const auto add = [&](const char* what, int size) {
    if (size > 1) name += fmt::format("{}{} ", what, size);
  };
  add("TP", plan.tp);
  if (plan.pp > 1)
    name +=
        plan.vpp > 1 ? fmt::format("PP{}x{} ", plan.pp, plan.vpp) : fmt::format("PP{} ", plan.pp);
  add("CP", plan.cp);
  add("EP", plan.ep);
  add("ETP", plan.etp);
  name += fmt::format("mbs{}", batch.micro_batch);
  if (plan.recompute != Recompute::none)
    name += plan.recompute == Recompute::full ? " full" : " sel";
  if (plan.pp > 1 && plan.schedule != ScheduleKind::one_f_one_b &&
      plan.schedule != ScheduleKind::interleaved)
    name += fmt::format(" {}", spelling(plan.schedule));
  return name;
}

std::string search_table(const SearchResult& result, const Scenario& base,
                         const LoadMapping& load) {
  std::string text = heading(base) + "\n\n";
  text += fmt::format("{:>3} {:<28} {:>9} {:>9} {:>6} {:>6}  {}\n", "", "mapping", "step s",
                      "tok/s/GPU", "MFU", "mem", "waits for");
  int rank = 0;
  for (const FoundMapping& found : result.best) {
    const Scenario scenario = load(found.sets);
    const StepReport& report = found.report;
    text += fmt::format("{:>3} {:<28} {:>9.4g} {:>9.0f} {:>4.1f} % {:>4.0f} %  {}\n", ++rank,
                        fit(mapping_name(scenario.plan, scenario.batch), 28), report.step_time_s,
                        report.tokens_per_s_per_device, 100 * report.mfu,
                        100 * memory_share(report), binds(report));
  }
  if (result.best.empty()) text += "  no mapping fits\n";
  text += fmt::format("\n{} mappings\n", result.mappings);
  for (const auto& [reason, count] : result.rejected)
    text += fmt::format("{:>8}  {}\n", count, reason);
  text += fmt::format("{:>8}  fit\n\n", result.fitting);
  return text + guarantee(result) + "\n";
}

std::string search_json(const SearchResult& result) {
  ordered_json best = ordered_json::array();
  for (const FoundMapping& found : result.best)
    best.push_back(
        {{"set", found.sets},
         {"estimate_s", found.estimate_s},
         {"report", ordered_json::parse(json_text(found.report, {.machine_facts = false}))}});
  const ordered_json json = {{"mappings", result.mappings},   {"fitting", result.fitting},
                             {"estimated", result.estimated}, {"simulated", result.simulated},
                             {"rejected", result.rejected},   {"best", std::move(best)}};
  return json.dump(2) + "\n";
}

}  // namespace moesim
