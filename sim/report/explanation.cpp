#include "report/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/format.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

constexpr size_t kShown = 8;

std::string signed_percent(double fraction) { return fmt::format("{:+.2f} %", 100 * fraction); }

void path_section(TableCanvas& table, const char* name,
                  const std::vector<CriticalPathEntry>& entries) {
  if (entries.empty()) return;
  table.heading(fmt::format("Critical path by {}", name), "longest first");
  const SecondsColumn column(entries.front().seconds);
  double rest = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const CriticalPathEntry& entry = entries[i];
    if (i >= kShown) {
      rest += entry.share;
      continue;
    }
    table.line("  " + fit(spaced(entry.op), 24) + " " + fit(entry.kind, 14) +
               fit(column.text(entry.seconds), 12, Align::right) +
               fit(percent_text(entry.share), 9, Align::right) + "  " + fit(entry.link, 12));
  }
  if (entries.size() > kShown)
    table.line("  " + fit(fmt::format("{} more", entries.size() - kShown), 51) +
               fit(percent_text(rest), 9, Align::right));
}

// Transfers of all links of a kind, then the single links.
void link_section(TableCanvas& table, const std::vector<CriticalPathEntry>& entries) {
  std::vector<CriticalPathEntry> kinds;
  for (const CriticalPathEntry& entry : entries) {
    const auto same = [&entry](const CriticalPathEntry& kind) { return kind.link == entry.link; };
    auto kind = std::find_if(kinds.begin(), kinds.end(), same);
    if (kind == kinds.end())
      kind = kinds.insert(kinds.end(), {"all " + entry.link, "", entry.link});
    if (entry.link.empty()) kind->op = "latency only";
    kind->seconds += entry.seconds;
    kind->share += entry.share;
  }
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  kinds.insert(kinds.end(), entries.begin(), entries.end());
  path_section(table, "link", kinds);
}

void sensitivity_section(TableCanvas& table, const Explanation& e) {
  table.heading("What if", fmt::format("each {:g} % less and more, simulated; strongest first",
                                       100 * e.change));
  table.line("  " + fit("quantity", 20) + fit("now", 20) + fit("step at less", 13, Align::right) +
             fit("at more", 11, Align::right) + fit("elasticity", 12, Align::right));
  for (const Sensitivity& s : e.sensitivities)
    table.line("  " + fit(s.knob, 20) + fit(s.value, 20) +
               fit(signed_percent(s.low_step_s / e.step_s - 1), 13, Align::right) +
               fit(signed_percent(s.high_step_s / e.step_s - 1), 11, Align::right) +
               fit(fmt::format("{:+.3f}", s.elasticity), 12, Align::right));
  for (const NotVaried& knob : e.not_varied)
    table.wrapped("  not varied: ", knob.knob + ", " + knob.reason);
}

void math_section(TableCanvas& table, const Explanation& e) {
  table.heading("The math", e.math_assumes);
  const SecondsColumn column(e.math_s);
  for (const MathTerm& term : e.math) {
    table.line("  " + fit(term.name, 60) + fit(column.text(term.seconds), 16, Align::right));
    table.wrapped("    = ", term.formula);
    table.wrapped("    = ", term.numbers);
  }
  table.line("  " + fit("sum", 60) + fit(column.text(e.math_s), 16, Align::right));
}

void attribution_section(TableCanvas& table, const Explanation& e) {
  table.heading("From the math to the simulation", "mean over all orders of switching on");
  const SecondsColumn column(std::max(e.step_s, e.math_s));
  const auto row = [&](const std::string& name, const std::string& seconds, double share) {
    table.line("  " + fit(name, 44) + fit(seconds, 16, Align::right) +
               fit(share == 0 ? "" : signed_percent(share), 16, Align::right));
  };
  row("the math", column.text(e.math_s), 0);
  for (const Attribution& part : e.attribution) {
    const bool absent = part.seconds == 0 && part.switched_off.empty();
    std::string text = absent ? "not there" : column.text(part.seconds);
    if (!absent && part.seconds > 0) text = "+" + text;
    row(part.cause, text, part.seconds / e.step_s);
    if (part.cause == e.attribution.front().cause)
      table.wrapped("    ", fmt::format("latencies, uneven stages or layers, ...: simulated "
                                        "without the causes below, the step takes {}",
                                        column.text(e.stripped_s)));
  }
  row("the simulation", column.text(e.step_s), 0);
}

}  // namespace

std::string explanation_table(const Explanation& e) {
  TableCanvas table;
  table.wrapped(
      "", fmt::format("{}: a step of {}, seed {}", e.scenario, seconds_text(e.step_s), e.seed));
  table.line(rule(TableCanvas::kWidth));
  table.wrapped("", fmt::format("no execution of this graph is faster than {} ({}, {} of the step)",
                                seconds_text(e.lower_bound_s), e.bound_by,
                                percent_text(e.lower_bound_s / e.step_s)));
  path_section(table, "operation", e.by_operation);
  path_section(table, "layer", e.by_layer);
  link_section(table, e.by_link);
  sensitivity_section(table, e);
  math_section(table, e);
  attribution_section(table, e);
  return table.text();
}

}  // namespace moesim
