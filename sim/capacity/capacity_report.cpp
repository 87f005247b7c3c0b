#include "capacity/capacity_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "report/format.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

using nlohmann::ordered_json;

constexpr double kSecondsOfDay = 86400;

// Three digits and a prefix without a blank, for narrow columns: "4.21M", "987", "12.3k".
std::string brief(double value) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::fabs(value) >= 999.5 && prefix + 1 < std::size(kPrefixes)) value /= 1000, ++prefix;
  const double size = std::fabs(value);
  const int decimals = prefix == 0 && size == std::floor(size) ? 0
                       : size < 9.995                          ? 2
                       : size < 99.95                          ? 1
                                                               : 0;
  return fmt::format("{:.{}f}{}", value, decimals, kPrefixes[prefix]);
}

// Names the two largest parts of the step: "compute 71 %, EP 18 %".
std::string binding(const StepReport& report) {
  std::vector<const BreakdownPart*> parts;
  for (const BreakdownPart& part : kBreakdownParts) parts.push_back(&part);
  const auto seconds = [&](const BreakdownPart* part) {
    return report.breakdown_s.*(part->seconds);
  };
  std::stable_sort(parts.begin(), parts.end(),
                   [&](const auto* a, const auto* b) { return seconds(a) > seconds(b); });
  std::string text;
  for (size_t i = 0; i < 2; ++i) {
    std::string label = parts[i]->figure.label;
    if (label.starts_with("exposed ")) label.erase(0, 8);
    text += fmt::format("{}{} {:.0f} %", i == 0 ? "" : ", ", label,
                        100 * seconds(parts[i]) / report.step_time_s);
  }
  return text;
}

std::string name_of(const CapacityRow& row) {
  return fmt::format("{} {}", row.devices, row.platform);
}

class CapacityTable {
 public:
  explicit CapacityTable(const CapacityResult& result) : r_(result) {}

  std::string text() {
    heading();
    figures();
    mappings();
    answers();
    omissions();
    return t_.text();
  }

 private:
  bool tokens_given() const { return r_.file.tokens > 0; }
  template <class Has>
  bool any(const Has& has) const {
    return std::any_of(r_.rows.begin(), r_.rows.end(),
                       [&](const CapacityRow& row) { return row.feasible() && has(row); });
  }

  void heading() {
    std::string goal = tokens_given() ? count_text(r_.file.tokens) + " tokens" : "as many tokens";
    if (r_.file.deadline_s > 0)
      goal += fmt::format("{} {:.4g} days", tokens_given() ? " within" : " as fit into",
                          r_.file.deadline_s / kSecondsOfDay);
    t_.wrapped("", fmt::format("{}: {}; {}", r_.workload.empty() ? "a model" : r_.workload, goal,
                               r_.batch));
    t_.line(rule(TableCanvas::kWidth));
  }

  std::string mark(size_t i) const {
    if (r_.best && *r_.best == i) return "> ";
    return std::count(r_.pareto.begin(), r_.pareto.end(), i) ? "* " : "  ";
  }

  std::string lead(size_t i) const {
    return mark(i) + fit(r_.rows[i].platform, 14) +
           fit(fmt::format("{}", r_.rows[i].devices), 8, Align::right);
  }

  static std::string cell(bool there, const std::string& text, int width) {
    return fit(there ? text : "-", width, Align::right);
  }

  void figures() {
    const auto right = [](const char* name, int width) { return fit(name, width, Align::right); };
    const bool margin = any([](const CapacityRow& row) { return row.meets_deadline.has_value(); });
    t_.line("  " + fit("machine", 14) + right("devices", 8) +
            right(tokens_given() ? "days" : "T tokens", 9) + right("failing", 8) + right("$", 7) +
            right("$/T tok", 8) + right("MWh", 7) + right("t CO2", 6) + right("MFU %", 6) +
            right(margin ? "spare" : "", 5));
    for (size_t i = 0; i < r_.rows.size(); ++i) {
      const CapacityRow& row = r_.rows[i];
      if (!row.feasible()) {
        t_.wrapped(lead(i) + "  ", row.reason);
        continue;
      }
      const std::string first =
          tokens_given() ? fmt::format("{:.1f}", row.days.value) : brief(row.tokens / 1e12);
      const bool failing = row.days_with_failures.has_value();
      const std::string with = !failing         ? ""
                               : tokens_given() ? fmt::format("{:.1f}", row.planned_days().value)
                                                : fmt::format("{:.1f} %", 100 * (1 - *row.goodput));
      t_.line(
          lead(i) + cell(true, first, 9) + cell(failing, with, 8) +
          cell(row.cost.has_value(), row.cost ? brief(row.cost->value) : "", 7) +
          cell(row.cost.has_value(), row.cost ? brief(row.cost_per_ttokens()) : "", 8) +
          cell(row.energy_mwh > 0, brief(row.energy_mwh), 7) +
          cell(row.co2_t.has_value(), row.co2_t ? brief(*row.co2_t) : "", 6) +
          cell(true, fmt::format("{:.1f}", 100 * row.report.mfu), 6) +
          (margin ? cell(row.meets_deadline.has_value(), fmt::format("{:+.0f}", row.margin_days), 5)
                  : ""));
    }
    t_.wrapped("  ", any([](const CapacityRow& row) { return row.cost.has_value(); })
                         ? "> best; * no other is better in time, $ and MWh together"
                         : "> best; * no other is better in both time and MWh");
  }

  void mappings() {
    t_.heading("Mappings", "where most of a step goes");
    for (size_t i = 0; i < r_.rows.size(); ++i) {
      const CapacityRow& row = r_.rows[i];
      if (!row.feasible()) continue;
      t_.line(lead(i) + "  " + fit(row.mapping, 22) +
              fit(seconds_text(row.report.step_time_s), 9, Align::right) + "  " +
              binding(row.report));
    }
  }

  void wrapped(const std::string& lead, const std::string& content) {
    t_.wrapped("  " + lead + " ", content);
  }

  void answers() {
    t_.heading("Answer", "");
    if (!r_.best) return wrapped("none:", "no candidate can be used");
    best();
    if (r_.file.deadline_s > 0 && tokens_given()) smallest();
    for (const Upgrade& u : r_.upgrades) upgrade(u);
  }

  std::string range(const Estimate& e, const std::string& unit) const {
    const std::string text = brief(e.value) + unit;
    return e.low < e.high ? fmt::format("{} ({} to {})", text, brief(e.low), brief(e.high)) : text;
  }

  void best() {
    const CapacityRow& row = r_.rows[*r_.best];
    std::string text = name_of(row) + ": ";
    text += tokens_given() ? range(row.planned_days(), " days")
                           : fmt::format("{} T tokens", brief(row.tokens / 1e12));
    if (row.cost) text += ", " + range(*row.cost, " $");
    if (row.energy_mwh > 0) text += fmt::format(", {} MWh", brief(row.energy_mwh));
    if (row.report.band)
      text += fmt::format("; the ranges hold four of five measured steps {} ({} rows)",
                          row.report.band->like, row.report.band->rows);
    const bool late = row.meets_deadline && !*row.meets_deadline;
    wrapped(late ? "fastest, but late:" : row.cost ? "cheapest:" : "best:", text);
    if (row.meets_deadline && *row.meets_deadline &&
        row.planned_days().high > r_.file.deadline_s / kSecondsOfDay)
      wrapped("risk:", "the slow end of its range misses the deadline");
  }

  void smallest() {
    if (!r_.smallest) return wrapped("in time:", "none");
    std::vector<std::string> parts, seen;
    for (const CapacityRow& row : r_.rows) {
      if (std::count(seen.begin(), seen.end(), row.platform)) continue;
      seen.push_back(row.platform);
      const auto found = smallest_in_time(r_.rows, row.platform);
      parts.push_back(found ? name_of(r_.rows[*found]) : "no " + row.platform);
    }
    wrapped("fewest in time:", fmt::format("{}", fmt::join(parts, ", ")));
  }

  void upgrade(const Upgrade& u) {
    const CapacityRow& row = r_.rows[*r_.best];
    const double less = 1 - u.step_time_s / row.report.step_time_s;
    std::string text = fmt::format("{:+.1f} % of the step", -100 * less);
    if (tokens_given()) text += fmt::format(", {:+.2f} days", -less * row.planned_days().value);
    wrapped(fit(fmt::format("10 % more {}:", u.quantity), 27), text);
  }

  void omissions() {
    t_.heading("Left out", "");
    std::vector<std::string> unpriced, bare;
    for (const Machine& m : r_.file.machines) {
      if (!m.price) unpriced.push_back(m.platform);
      if (m.node_power_w <= 0 || m.network_power_w <= 0) bare.push_back(m.platform);
    }
    if (!unpriced.empty())
      wrapped("money:", fmt::format("no price of {}", fmt::join(unpriced, ", ")));
    if (!bare.empty())
      wrapped("energy:",
              fmt::format("nodes or switches beside the devices of {}", fmt::join(bare, ", ")));
    if (r_.file.carbon_kg_per_kwh <= 0) wrapped("carbon:", "carbon_kg_per_kwh is not given");
    if (!any([](const CapacityRow& row) { return row.goodput.has_value(); }))
      wrapped("failures:", "goodput.device_mtbf_s is not given");
    std::string search =
        "each mapping is the fastest found by estimates of short steps, then simulated whole; no "
        "bound proves the rest worse";
    if (r_.unfinished > 0)
      search += fmt::format(
          "; of {} rows the time was over before all that fit were estimated: --time gives more",
          r_.unfinished);
    wrapped("proof:", search);
  }

  const CapacityResult& r_;
  TableCanvas t_;
};

ordered_json or_null(const auto& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json identity(const CapacityRow& row) {
  ordered_json json = {{"platform", row.platform},
                       {"devices", row.devices},
                       {"days", row.planned_days().value},
                       {"cost", nullptr},
                       {"energy_mwh", row.energy_mwh}};
  if (row.cost) json["cost"] = row.cost->value;
  return json;
}

ordered_json row_json(const CapacityRow& row) {
  ordered_json json = {{"platform", row.platform}, {"devices", row.devices}};
  if (!row.feasible()) {
    json["reason"] = row.reason;
    return json;
  }
  const auto value = [](const std::optional<Estimate>& e, double Estimate::*part) {
    return e ? ordered_json((*e).*part) : ordered_json(nullptr);
  };
  json["days"] = row.days.value;
  json["days_with_failures"] = value(row.days_with_failures, &Estimate::value);
  json["cost"] = value(row.cost, &Estimate::value);
  json["cost_per_ttokens"] =
      row.cost ? ordered_json(row.cost_per_ttokens()) : ordered_json(nullptr);
  json["energy_mwh"] = row.energy_mwh;
  json["co2_t"] = or_null(row.co2_t);
  json["step_time_s"] = row.report.step_time_s;
  json["mfu"] = row.report.mfu;
  json["set"] = row.sets;
  json["meets_deadline"] = or_null(row.meets_deadline);
  json["binding"] = binding(row.report);
  json["tokens"] = row.tokens;
  json["tokens_per_s"] = row.report.tokens_per_s;
  json["goodput"] = or_null(row.goodput);
  json["days_low"] = row.planned_days().low;
  json["days_high"] = row.planned_days().high;
  json["cost_low"] = value(row.cost, &Estimate::low);
  json["cost_high"] = value(row.cost, &Estimate::high);
  json["margin_days"] = row.meets_deadline ? ordered_json(row.margin_days) : ordered_json(nullptr);
  json["power_w"] = row.report.power_w;
  json["memory_verdict"] = worst_verdict(row.report.memory);
  json["mapping"] = row.mapping;
  return json;
}

}  // namespace

std::string capacity_table(const CapacityResult& result) { return CapacityTable(result).text(); }

std::string capacity_json(const CapacityResult& result) {
  ordered_json json = {{"rows", ordered_json::array()},
                       {"pareto", ordered_json::array()},
                       {"smallest", nullptr},
                       {"smallest_by_platform", ordered_json::array()},
                       {"best", nullptr},
                       {"upgrades", ordered_json::array()}};
  std::vector<std::string> seen;
  for (const CapacityRow& row : result.rows) {
    json["rows"].push_back(row_json(row));
    if (std::count(seen.begin(), seen.end(), row.platform)) continue;
    seen.push_back(row.platform);
    if (const auto found = smallest_in_time(result.rows, row.platform))
      json["smallest_by_platform"].push_back(identity(result.rows[*found]));
  }
  for (const size_t i : result.pareto) json["pareto"].push_back(identity(result.rows[i]));
  if (result.smallest) json["smallest"] = identity(result.rows[*result.smallest]);
  if (result.best) json["best"] = identity(result.rows[*result.best]);
  for (const Upgrade& u : result.upgrades)
    json["upgrades"].push_back(
        {{"quantity", u.quantity}, {"change", kUpgrade}, {"step_time_s", u.step_time_s}});
  json["unfinished"] = result.unfinished;
  return json.dump(2) + "\n";
}

}  // namespace moesim
