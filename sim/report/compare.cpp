#include "report/compare.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/diagnostics.hpp"
#include "report/breakdown.hpp"
#include "report/format.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

using nlohmann::json;
using Number = std::optional<double>;

json parsed(const NamedReport& report, Problems& problems) {
  json value = json::parse(report.json, nullptr, false);
  if (value.is_discarded())
    problems.add({report.name}, "", "is not JSON");
  else if (!value.is_object() || !value.contains("step_time_s") ||
           !value["step_time_s"].is_number())
    problems.add({report.name}, "step_time_s",
                 "is missing: not a report of moesim run --format json");
  return value;
}

Number number_at(const json& report, const std::string& pointer) {
  const json::json_pointer path(pointer);
  if (!report.contains(path) || !report.at(path).is_number()) return std::nullopt;
  return report.at(path).get<double>();
}

// The fullest stage decides whether a step fits.
Number most_memory(const json& report) {
  Number most;
  double most_share = 0;
  if (!report.contains("memory") || !report["memory"].is_array()) return most;
  for (const json& stage : report["memory"])
    if (const Number total = number_at(stage, "/total_bytes")) {
      // By share: the stores of a wafer system are of different sizes.
      const double share = *total / std::max(1.0, number_at(stage, "/capacity_bytes").value_or(1));
      if (most && share <= most_share) continue;
      most = total;
      most_share = share;
    }
  return most;
}

double relative_change(double before, double after) {
  if (before == after) return 0;
  if (before == 0) return std::numeric_limits<double>::infinity();
  return after / before - 1;
}

std::string change_text(const Number& before, const Number& after) {
  if (!before || !after) return "";
  const double change = relative_change(*before, *after);
  if (change == 0) return "=";
  if (!std::isfinite(change)) return "new";
  return std::fabs(change) < 100 ? fmt::format("{:+.2f} %", 100 * change)
                                 : fmt::format("{:+.2e} %", 100 * change);
}

class SideBySide {
 public:
  SideBySide(const json& before, const json& after, bool ascii)
      : before_(before), after_(after), table_(ascii) {}

  template <class Text>
  void row(const std::string& label, const Number& before, const Number& after, const Text& text) {
    const auto cell = [&](const Number& value) {
      return fit(value ? text(*value) : "-", 18, Align::right);
    };
    table_.line("  " + fit(label, 22) + cell(before) + cell(after) +
                fit(change_text(before, after), 16, Align::right));
  }
  template <class Text>
  void row_at(const std::string& label, const std::string& pointer, const Text& text) {
    row(label, number_at(before_, pointer), number_at(after_, pointer), text);
  }
  void breakdown();
  TableCanvas& table() { return table_; }

 private:
  const json& before_;
  const json& after_;
  TableCanvas table_;
};

void SideBySide::breakdown() {
  const double step = std::max(number_at(before_, "/step_time_s").value_or(0),
                               number_at(after_, "/step_time_s").value_or(0));
  const SecondsColumn column(step, table_.ascii());
  for (const BreakdownPart& part : parts_of({})) {
    const std::string pointer = std::string("/breakdown_s/") + part.key;
    const Number before = number_at(before_, pointer), after = number_at(after_, pointer);
    if (before.value_or(0) == 0 && after.value_or(0) == 0) continue;
    row(part.label, before, after, [&](double seconds) { return column.text(seconds); });
  }
}

void heading(SideBySide& sides, const NamedReport& before, const NamedReport& after, bool ascii) {
  const bool same = fit_end(before.name, 17) == fit_end(after.name, 17);
  const auto cell = [&](const std::string& name) {
    return " " + fit_end(name, 17, Align::right, ascii);
  };
  sides.table().line("  " + fit("", 22) + cell(same ? "before" : before.name) +
                     cell(same ? "after" : after.name) + fit("change", 16, Align::right));
  sides.table().line(rule(TableCanvas::kWidth, ascii));
}

}  // namespace

Comparison compare_reports(const NamedReport& before, const NamedReport& after, bool ascii) {
  Problems problems;
  const json a = parsed(before, problems), b = parsed(after, problems);
  if (!problems.empty()) throw InputError(problems);

  SideBySide sides(a, b, ascii);
  const auto seconds = [&](double value) { return seconds_text(value, ascii); };
  const auto ratio = [](double value) { return fmt::format("{:.4g}", value); };
  heading(sides, before, after, ascii);
  sides.row_at("step time", "/step_time_s", seconds);
  sides.row_at("tokens/s", "/tokens_per_s", count_text);
  sides.row_at("tokens/s per device", "/tokens_per_s_per_device", count_text);
  sides.row_at("TFLOPS per device", "/tflops_per_device", count_text);
  sides.row_at("MFU", "/mfu", percent_text);
  sides.row_at("devices", "/devices", count_text);
  sides.row_at("tokens per step", "/tokens_per_step", count_text);
  sides.row_at("overload factor", "/overload_factor", ratio);
  sides.row_at("lower bound", "/lower_bound_s", seconds);
  sides.row("fullest stage", most_memory(a), most_memory(b), bytes_text);
  sides.table().line("");
  sides.breakdown();
  sides.table().line("");
  sides.row_at("simulated tasks", "/simulation/tasks", count_text);
  sides.row_at("simulated flows", "/simulation/flows", count_text);
  sides.row_at("wall time", "/simulation/wall_s", seconds);
  return {sides.table().text(),
          relative_change(a["step_time_s"].get<double>(), b["step_time_s"].get<double>())};
}

}  // namespace moesim
