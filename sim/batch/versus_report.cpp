#include "batch/versus_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "batch/ranking.hpp"
#include "report/format.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

using nlohmann::ordered_json;

constexpr int kLabel = 15, kColumn = 16;

// "compute 61 %, exposed EP 39 %": the two parts that take most.
std::string binding(const StepReport& report, size_t part) {
  std::vector<std::pair<double, std::string>> parts;
  for (const BreakdownPart& one : kBreakdownParts)
    parts.emplace_back(report.breakdown_s.*one.seconds / report.step_time_s,
                       std::string(one.figure.label[0] ? one.figure.label : one.figure.key));
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (parts[part].first <= 0) return "";
  return fmt::format("{:.0f} % {}", 100 * parts[part].first, parts[part].second);
}

// The store of device memory that is fullest.
const StageMemory* fullest(const StepReport& report) {
  const StageMemory* found = nullptr;
  const auto used = [](const StageMemory& m) {
    return (m.total_bytes + m.outside_bytes) / m.capacity_bytes;
  };
  for (const StageMemory& one : report.memory)
    if (found == nullptr || used(one) > used(*found)) found = &one;
  return found;
}

std::string memory_text(const StepReport& report) {
  const StageMemory* memory = fullest(report);
  if (memory == nullptr) return "";
  return fmt::format("{:.1f} of {:.1f} GB", (memory->total_bytes + memory->outside_bytes) / 1e9,
                     memory->capacity_bytes / 1e9);
}

std::string band_text(const StepReport& report) {
  if (!report.band) return "not known";
  return fmt::format("{:.3g} to {:.3g} s", report.band->low_s, report.band->high_s);
}

std::string times(std::optional<double> ratio) {
  return ratio ? fmt::format("{:.2f}", *ratio) : "-";
}

std::string column(const std::string& text) { return " " + fit(text, kColumn - 1, Align::right); }

void add_row(TableCanvas& table, const char* label, const std::vector<VersusRun>& runs,
             const std::function<std::string(const VersusRun&)>& cell) {
  std::string line = "  " + fit(label, kLabel);
  for (const VersusRun& run : runs) line += column(run.done() ? cell(run) : "-");
  table.line(line);
}

std::string names(const Versus& versus) {
  std::string line;
  for (const std::string& name : versus.machines) line += column(name);
  return line;
}

void add_base(TableCanvas& table, const Versus& versus) {
  const std::vector<VersusRun>& runs = versus.base;
  const auto row = [&](const char* label,
                       const std::function<std::string(const VersusRun&)>& cell) {
    add_row(table, label, runs, cell);
  };
  table.line("  " + fit("", kLabel) + names(versus));
  row("devices", [](auto& r) { return fmt::format("{} x {}", r.report.devices, r.platform); });
  row("step", [](auto& r) { return seconds_text(r.report.step_time_s); });
  row("4 of 5 within", [](auto& r) { return band_text(r.report); });
  row("tokens/s", [](auto& r) { return count_text(r.report.tokens_per_s); });
  row("power, kW", [](auto& r) { return fmt::format("{:.1f}", r.power_w / 1000); });
  row("tokens/J", [](auto& r) { return fmt::format("{:.2f}", r.tokens_per_joule()); });
  row("memory", [](auto& r) { return memory_text(r.report); });
  row("", [](auto& r) { return memory_words(r.report); });
  row("binds", [](auto& r) { return binding(r.report, 0); });
  row("", [](auto& r) { return binding(r.report, 1); });
}

// ", ahead throughout" or ", behind throughout", where that is known of any value.
std::string side(const VersusAxis& axis, size_t machine) {
  bool ahead = false, behind = false;
  for (const auto& runs : axis.runs) {
    const auto ratio = advantage(runs, machine);
    if (ratio) (*ratio > 1 ? ahead : behind) = true;
  }
  if (ahead == behind) return "";
  return ahead ? ", ahead throughout" : ", behind throughout";
}

void add_crossovers(TableCanvas& table, const Versus& versus, const VersusAxis& axis) {
  for (size_t machine = 1; machine < versus.machines.size(); ++machine) {
    const auto at = crossover(axis, machine);
    const std::string text = at ? fmt::format("at {:.3g}", *at) : "none" + side(axis, machine);
    table.wrapped(
        "  crossover by power: ",
        fmt::format("{} against {}: {}", versus.machines[machine], versus.machines[0], text));
  }
}

void add_axis(TableCanvas& table, const Versus& versus, const VersusAxis& axis) {
  table.heading(axis.key, "tokens/s, and tokens/J over the first's");
  table.line("  " + fit("", kLabel) + names(versus));
  for (size_t value = 0; value < axis.values.size(); ++value) {
    const std::vector<VersusRun>& runs = axis.runs[value];
    std::string line = "  " + fit(axis.values[value], kLabel);
    for (size_t machine = 0; machine < runs.size(); ++machine) {
      std::string cell = "-";
      if (runs[machine].done()) cell = count_text(runs[machine].report.tokens_per_s);
      if (runs[machine].done() && !runs[machine].fits()) cell = "out of memory";
      if (machine > 0 && runs[machine].fits())
        cell += fmt::format(" {:>5}", times(advantage(runs, machine)));
      line += column(cell);
    }
    table.line(line);
  }
  add_crossovers(table, versus, axis);
}

std::vector<const std::vector<VersusRun>*> all_runs(const Versus& versus) {
  std::vector<const std::vector<VersusRun>*> all{&versus.base};
  for (const VersusAxis& axis : versus.axes)
    for (const auto& runs : axis.runs) all.push_back(&runs);
  return all;
}

void add_reasons(TableCanvas& table, const Versus& versus) {
  std::vector<std::string> told;
  for (const auto* runs : all_runs(versus))
    for (size_t machine = 0; machine < runs->size(); ++machine) {
      const std::string text = versus.machines[machine] + ": " + (*runs)[machine].reason;
      if ((*runs)[machine].done() || std::count(told.begin(), told.end(), text)) continue;
      table.wrapped("  -: ", text);
      told.push_back(text);
    }
}

ordered_json positive(double value) {
  return value > 0 ? ordered_json(value) : ordered_json(nullptr);
}
template <class Value>
ordered_json optional(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_json(const Versus& versus, const std::vector<VersusRun>& runs) {
  ordered_json list = ordered_json::array();
  for (size_t machine = 0; machine < runs.size(); ++machine) {
    const VersusRun& run = runs[machine];
    if (!run.done()) {
      list.push_back({{"name", versus.machines[machine]}, {"reason", run.reason}});
      continue;
    }
    const StepReport& r = run.report;
    const StageMemory* memory = fullest(r);
    ordered_json band = nullptr;
    if (r.band) band = {{"low_s", r.band->low_s}, {"high_s", r.band->high_s}};
    list.push_back({{"name", versus.machines[machine]},
                    {"platform", run.platform},
                    {"devices", r.devices},
                    {"step_time_s", r.step_time_s},
                    {"band", band},
                    {"tokens_per_s", r.tokens_per_s},
                    {"power_w", positive(run.power_w)},
                    {"tokens_per_joule", positive(run.tokens_per_joule())},
                    {"advantage", optional(advantage(runs, machine))},
                    {"memory_bytes", memory ? memory->total_bytes + memory->outside_bytes : 0},
                    {"capacity_bytes", memory ? memory->capacity_bytes : 0},
                    {"fits", r.fits()},
                    {"binding", binding(r, 0)}});
  }
  return list;
}

}  // namespace

std::string versus_table(const Versus& versus) {
  TableCanvas table;
  table.line(versus.title);
  add_base(table, versus);
  for (const VersusAxis& axis : versus.axes) add_axis(table, versus, axis);
  table.line("");
  add_reasons(table, versus);
  table.wrapped("  power: ",
                "of devices or wafers as published; hosts, switches, MemoryX and "
                "SwarmX are left out");
  return table.text();
}

std::string versus_json(const Versus& versus) {
  ordered_json axes = ordered_json::array();
  for (const VersusAxis& axis : versus.axes) {
    ordered_json rows = ordered_json::array(), crossovers = ordered_json::array();
    for (size_t value = 0; value < axis.values.size(); ++value)
      rows.push_back(
          {{"value", axis.values[value]}, {"machines", to_json(versus, axis.runs[value])}});
    for (size_t machine = 1; machine < versus.machines.size(); ++machine)
      crossovers.push_back(
          {{"name", versus.machines[machine]}, {"at", optional(crossover(axis, machine))}});
    axes.push_back({{"key", axis.key}, {"rows", rows}, {"crossover", crossovers}});
  }
  const ordered_json all{
      {"title", versus.title}, {"machines", to_json(versus, versus.base)}, {"axes", axes}};
  return all.dump(2) + "\n";
}

LinePlot versus_plot(const Versus& versus) {
  LinePlot plot;
  plot.title = versus.title;
  plot.x_label = "multiple of the setting's first value";
  plot.y_label = "tokens per joule over those of " + versus.machines[0];
  double widest = 1;
  for (const VersusAxis& axis : versus.axes)
    for (size_t machine = 1; machine < versus.machines.size(); ++machine) {
      PlotLine line{fmt::format("{}: {}", versus.machines[machine], axis.key), {}};
      double first = 0;
      for (size_t value = 0; value < axis.values.size(); ++value) {
        const std::string& text = axis.values[value];
        double number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || end != text.data() + text.size() || number <= 0) break;
        if (first == 0) first = number;
        const auto ratio = advantage(axis.runs[value], machine);
        if (!ratio) continue;
        widest = std::max(widest, number / first);
        line.points.push_back({fmt::format("{:g}", number / first), *ratio,
                               fmt::format("{} = {}: {:.2f}", axis.key, text, *ratio)});
      }
      if (!line.points.empty()) plot.lines.push_back(std::move(line));
    }
  if (!plot.lines.empty())
    plot.lines.push_back({"equal", {{"1", 1, ""}, {fmt::format("{:g}", widest), 1, ""}}});
  return plot;
}

}  // namespace moesim
