#include "report/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/flat.hpp"
#include "report/format.hpp"
#include "report/goodput.hpp"
#include "report/memory_table.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

constexpr size_t kBusiestShown = 3;
constexpr size_t kCriticalShown = 6;
constexpr size_t kHeldShown = 4;

void headline(TableCanvas& table, const StepReport& report) {
  table.line(report.scenario.empty() ? "moesim" : report.scenario);
  std::string about = report.model.name;
  if (report.model.parameters_total > 0)
    about += fmt::format(" ({:.4g}B parameters, {:.4g}B active, {:.4g} GFLOP per token)",
                         report.model.parameters_total / 1e9, report.model.parameters_active / 1e9,
                         report.model.flops_per_token / 1e9);
  const std::string platform = text_at(report.platform, "name");
  if (!platform.empty()) about += (about.empty() ? "" : " on ") + platform;
  about += fmt::format("{}{} {}{}", about.empty() ? "" : ", ", report.devices, report.device_noun,
                       report.devices == 1 ? "" : "s");
  table.wrapped("", about);
  if (!report.memory.empty()) table.wrapped("memory: ", memory_verdict(report.memory));
  table.line(rule(TableCanvas::kWidth));
}

int64_t integer_at(const SettingTree* map, std::string_view key) {
  const SettingTree* found = map != nullptr ? map->find(key) : nullptr;
  const int64_t* number = found != nullptr ? std::get_if<int64_t>(&found->scalar) : nullptr;
  return number != nullptr ? *number : -1;
}

// Which SMs dispatch and combine take from compute, where the plan has any: those that it names, or
// the platform's for its dispatcher, as Pod::dispatch_sms has them.
std::string taken_sms(const StepReport& report) {
  if (integer_at(&report.plan, "ep") <= 1) return "";
  const std::string dispatcher = text_at(report.plan, "dispatcher");
  const int64_t asked = integer_at(&report.plan, "communication_sms");
  const SettingTree* costs = report.platform.find(dispatcher);
  const int64_t taken = asked >= 0         ? asked
                        : costs != nullptr ? integer_at(costs, "sms")
                                           : integer_at(&report.platform, "collective_sms");
  if (taken < 0) return "";
  return fmt::format("(dispatch and combine take {} SMs{})", taken, asked < 0 ? ", auto" : "");
}

void key_figures(TableCanvas& table, const StepReport& report) {
  const auto row = [&](const char* left, const std::string& value, const char* right,
                       const std::string& other) {
    table.line("  " + fit(left, 16) + fit(value, 14, Align::right) + "      " + fit(right, 18) +
               fit(other, 14, Align::right));
  };
  row("step time", seconds_text(report.step_time_s), "MFU", percent_text(report.mfu));
  row("tokens/s", count_text(report.tokens_per_s), ("TFLOPS per " + report.device_noun).c_str(),
      count_text(report.tflops_per_device));
  row(report.device_noun == "GPU" ? "tokens/s per GPU" : ("tokens/s/" + report.device_noun).c_str(),
      count_text(report.tokens_per_s_per_device), "tokens per step",
      count_text(report.tokens_per_step));
  row("lower bound", seconds_text(report.lower_bound_s), "overload factor",
      fmt::format("{:.4g}", report.overload_factor));
  if (const auto& band = report.band; band && report.step_time_s > 0)
    table.wrapped(
        "  ", fmt::format("(step time ± {:.0f} %, of {} measured rows like it: {})",
                          100 * (band->high_s / report.step_time_s - 1), band->rows, band->like));
  if (report.lower_bound_s > 0)
    table.wrapped(
        "  ", fmt::format("(bound: {}, {} of the step; overload: busiest rank / balanced)",
                          report.lower_bound_by.empty() ? "work and bytes" : report.lower_bound_by,
                          percent_text(report.lower_bound_s / report.step_time_s)));
  if (const std::string sms = taken_sms(report); !sms.empty()) table.wrapped("  ", sms);
}

// Rounded so that the printed parts add up to the printed step, in seconds and in percent.
void where_the_time_went(TableCanvas& table, const StepReport& report) {
  table.heading("Where the time went", "mean device");
  const double step = report.step_time_s;
  const SecondsColumn column(std::max(step, report.breakdown_s.total()));
  const double quantum_s = column.unit_s * std::pow(10, -column.decimals);
  constexpr double kQuantumShare = 0.001;
  std::vector<double> seconds, shares;
  for (const BreakdownPart& part : kBreakdownParts) {
    seconds.push_back(report.breakdown_s.*part.seconds);
    shares.push_back(step > 0 ? seconds.back() / step : 0);
  }
  const auto seconds_quanta = rounded_to_sum(seconds, quantum_s),
             share_quanta = rounded_to_sum(shares, kQuantumShare);
  const auto row = [&](const char* name, int64_t time, int64_t share, double fraction) {
    table.line("  " + fit(name, 16) +
               fit(column.text(static_cast<double>(time) * quantum_s), 14, Align::right) +
               fit(percent_text(static_cast<double>(share) * kQuantumShare), 11, Align::right) +
               "  " + bar(fraction, 34));
  };
  int64_t time = 0, share = 0;
  for (size_t i = 0; i < seconds.size(); ++i) {
    time += seconds_quanta[i];
    share += share_quanta[i];
    if (i == 0 || seconds[i] != 0)
      row(kBreakdownParts[i].figure.label, seconds_quanta[i], share_quanta[i], shares[i]);
  }
  row("step", time, share, 0);
}

// Shows what the schedule did in the mean stage; only where there is a pipeline.
void pipeline(TableCanvas& table, const StepReport& report) {
  if (report.pipeline.size() < 2) return;
  std::vector<FlatFigure> mean;
  for (const PipelineStage& stage : report.pipeline) {
    std::vector<FlatFigure> parts = flat_figures_of(stage, kTable);
    for (size_t i = 0; i < mean.size(); ++i) *parts[i].number += *mean[i].number;
    mean = std::move(parts);
  }
  double largest = 0;
  for (FlatFigure& part : mean) {
    *part.number /= static_cast<double>(report.pipeline.size());
    largest = std::max(largest, *part.number);
  }
  table.heading("Pipeline",
                fmt::format("mean of {} stages, communication included", report.pipeline.size()));
  const SecondsColumn column(largest);
  for (const FlatFigure& part : mean)
    if (*part.number > 0)
      table.line("  " + fit(part.figure.label, 19) +
                 fit(column.text(*part.number), 11, Align::right) +
                 fit(percent_text(*part.number / report.step_time_s), 11, Align::right));
}

// The busiest of each kind: equal devices next to each other would tell nothing new.
void busiest_resources(TableCanvas& table, const StepReport& report) {
  if (report.resources.empty()) return;
  table.heading("Busiest resources", "the busiest of each kind, share of the step in use");
  std::vector<std::string> shown;
  for (const ResourceUse& use : report.resources) {
    if (shown.size() == kBusiestShown) break;
    if (std::find(shown.begin(), shown.end(), use.kind) != shown.end()) continue;
    shown.push_back(use.kind);
    table.line("  " + fit(use.name, 30) + fit(percent_text(use.busy_fraction), 11, Align::right) +
               "  " + fit(bar(use.busy_fraction, 20), 20) +
               (use.bytes > 0 ? fit(bytes_text(use.bytes), 13, Align::right) : ""));
  }
}

void critical_path(TableCanvas& table, const StepReport& report) {
  if (report.critical_path.empty()) return;
  table.heading("Critical path", "longest first");
  double largest = 0;
  for (const CriticalPathEntry& entry : report.critical_path)
    largest = std::max(largest, entry.seconds);
  const SecondsColumn column(largest);
  const size_t shown = std::min(kCriticalShown, report.critical_path.size());
  for (size_t i = 0; i < shown; ++i) {
    const CriticalPathEntry& entry = report.critical_path[i];
    table.line(
        "  " + fit(spaced(entry.op), 19) + " " + fit(entry.kind, 7) +
        fit(column.text(entry.seconds), 10, Align::right) +
        fit(percent_text(entry.share), 9, Align::right) +
        fit(std::string("×") + count_text(static_cast<double>(entry.count)), 9, Align::right) +
        "  " + fit_end(entry.link, 21));
  }
  const size_t rest = report.critical_path.size() - shown;
  if (rest == 0) return;
  double share = 0;
  for (size_t i = shown; i < report.critical_path.size(); ++i)
    share += report.critical_path[i].share;
  table.line("  " + fit(fmt::format("{} more", rest), 37) +
             fit(percent_text(share), 9, Align::right));
}

void simulation(TableCanvas& table, const StepReport& report) {
  const SimulationFacts& facts = report.simulation;
  constexpr size_t kLongHeading = 40;  // a wafer's fidelity is a sentence of its own
  const bool is_long = report.fidelity.size() > kLongHeading;
  std::string setting = fmt::format("seed {}", report.seed);
  if (!report.fidelity.empty() && !is_long) setting = report.fidelity + ", " + setting;
  table.heading("Simulation", setting);
  if (is_long) table.wrapped("  ", report.fidelity);
  const auto row = [&](const char* left, const std::string& value, const char* right,
                       const std::string& other) {
    table.line("  " + fit(left, 16) + fit(value, 14, Align::right) + "      " + fit(right, 18) +
               fit(other, 14, Align::right));
  };
  row("wall time", seconds_text(facts.wall_s), "peak memory",
      bytes_text(static_cast<double>(facts.peak_rss_bytes)));
  row("tasks", count_text(static_cast<double>(facts.tasks)), "activities",
      count_text(static_cast<double>(facts.activities)));
  row("flows", count_text(static_cast<double>(facts.flows)), "timers",
      count_text(static_cast<double>(facts.timers)));
  if (facts.transfers > 0)
    row("transfers", count_text(static_cast<double>(facts.transfers)), "  contended",
        count_text(static_cast<double>(facts.contended_transfers)));
  if (!report.faults.empty()) table.wrapped("  faults: ", report.faults);
  table.wrapped("  folded: ", facts.folded.empty() ? "nothing" : facts.folded);
}

}  // namespace

std::string table_text(const StepReport& report) {
  TableCanvas table;
  headline(table, report);
  key_figures(table, report);
  where_the_time_went(table, report);
  pipeline(table, report);
  add_memory(table, report.memory, kHeldShown);
  busiest_resources(table, report);
  critical_path(table, report);
  if (report.goodput) goodput_table(table, *report.goodput);
  simulation(table, report);
  return table.text();
}

}  // namespace moesim
