#include "measured/validate_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "measured/microbenchmarks.hpp"
#include "measured/validate_output.hpp"
#include "measured/validate_plot.hpp"
#include "measured/vocabulary.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLargestMisses = 25;

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw RunError(path.string() + ": cannot be written");
}

std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

std::string figure(double value) {
  return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

std::string unit_of(const std::string& metric) {
  if (metric == "tokens_per_s_per_gpu") return "tok/s";
  return metric == "step_time_s" ? "s" : "TFLOPS";
}

std::string table_name(const MeasuredRow& row) { return fs::path(row.table).filename().string(); }

// "compute 61 %, EP 25 %, bubble 9 %": what takes at least 2 % of the predicted step, largest
// first.
std::string breakdown_text(const ValidatedRow& row) {
  constexpr std::string_view kExposed = "exposed ";
  std::vector<std::pair<double, std::string_view>> parts;
  for (const BreakdownPart& part : kBreakdownParts) {
    std::string_view name = part.figure.label;
    if (name.starts_with(kExposed)) name.remove_prefix(kExposed.size());
    parts.emplace_back(row.breakdown_s.*part.seconds, name);
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& x, const auto& y) { return x.first > y.first; });
  std::string text;
  for (const auto& [seconds, name] : parts)
    if (seconds >= 0.02 * row.step_time_s)
      text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", name,
                          100 * seconds / row.step_time_s);
  return text;
}

std::string switches_text(const ValidatedRow& row) {
  std::string text;
  if (row.plan.ep > 1) text += traits(row.plan.dispatcher).title;
  if (row.plan.ep_overlap) text += ", EP overlap";
  if (traits(row.plan.schedule).dual) text += std::string(", ") + traits(row.plan.schedule).name;
  if (row.plan.cuda_graph) text += ", graph";
  if (row.plan.recompute != Recompute::none) text += ", recompute";
  return text.starts_with(", ") ? text.substr(2) : text;
}

std::string summary_lines(const std::vector<ErrorGroup>& groups, const std::string& head) {
  std::string text = fmt::format(
      "| {} | rows | median \\|error\\| | 90th percentile | largest | median of speed | within 20 "
      "% |\n"
      "|---|---:|---:|---:|---:|---:|---:|\n",
      head);
  for (const auto& [name, s] : groups)
    text += fmt::format("| {} | {} | {:.1f} % | {:.1f} % | {:.1f} % | {:+.1f} % | {:.0f} % |\n",
                        cell(name), s.rows, s.median_abs_error_percent, s.p90_abs_error_percent,
                        s.max_abs_error_percent, s.median_speed_error_percent,
                        100 * s.within_20_percent);
  return text + "\n";
}

class Report {
 public:
  Report(const Validation& validation, const SearchPath& search)
      : rows_(validation.rows), validation_(validation), search_(search) {}

  std::string text(const std::string& plot_name) {
    std::string tables = rows_by_source();  // numbers the assumptions that the other parts name
    std::string text =
        head(plot_name) + fitted() + groups() + notes() + misses() + repeated() + not_predicted();
    text += microbenchmarks();
    return text + tables + legend();
  }

 private:
  std::string head(const std::string& plot_name) const;
  std::string fitted() const;
  std::string groups() const;
  std::string microbenchmarks() const;
  std::string notes() const;
  std::string misses() const;
  std::string repeated() const;
  std::string not_predicted() const;
  std::string rows_by_source();
  std::string legend() const;
  std::string assumption_numbers(const ValidatedRow& row);

  const std::vector<ValidatedRow>& rows_;
  const Validation& validation_;
  const SearchPath& search_;
  std::vector<std::string> assumptions_;
};

std::string Report::head(const std::string& plot_name) const {
  std::vector<std::string> tables;
  for (const ValidatedRow& row : rows_)
    if (std::find(tables.begin(), tables.end(), row.measurement.table) == tables.end())
      tables.push_back(row.measurement.table);
  std::string text = fmt::format(
      "# Every validated row\n\nWritten by `moesim validate{}{} "
      "--report ...`; do not "
      "edit. An error is predicted over measured, less 1, of tokens/s per GPU where the source "
      "prints them, else of "
      "the "
      "step time, else of TFLOPS per GPU. A median of speed above 0 means that the simulation is "
      "too fast.\n\n",
      tables.empty() ? "" : " ", fmt::join(tables, " "));
  std::vector<ErrorGroup> groups;
  for (const ErrorGroup& group : group_errors(rows_, "table"))
    groups.push_back({fs::path(group.name).filename().string(), group.summary});
  text += summary_lines(groups, "table");
  for (const auto& [name, s] : groups)
    if (std::isfinite(s.spearman))
      text += fmt::format("Spearman rank correlation of {}: {:.3f}.\n", name, s.spearman);
  const size_t predicted = errors_of(rows_).size();
  text += fmt::format("{} of {} rows predicted, by {} simulations.\n\n", predicted, rows_.size(),
                      validation_.simulations);
  return text + fmt::format("![predicted against measured]({})\n\n", plot_name);
}

std::string Report::groups() const {
  std::string text;
  for (const auto& [column, head] :
       {std::pair("gpu", "device"), std::pair("model", "model"),
        std::pair("precision", "precision"), std::pair("source", "source")})
    text += fmt::format("## By {}\n\n", head) + summary_lines(group_errors(rows_, column), head);
  return text;
}

// Returns nothing for a table of a user's own measurements, none of which took part in a fit.
std::string Report::fitted() const {
  const auto groups = group_errors(rows_, "fitted");
  if (std::none_of(groups.begin(), groups.end(),
                   [](const auto& group) { return group.name == kInViewOfFit; }))
    return "";
  return "## Rows in view of a fit, and others\n\n"
         "The tables' column `fitted` names the rows that were in view when constants were fitted\n"
         "or rules inferred; no constant was fitted on one row alone. The others only check.\n\n" +
         summary_lines(groups, "rows");
}

std::string Report::microbenchmarks() const {
  std::string text;
  std::vector<std::string> folders;
  for (const ValidatedRow& row : rows_) {
    const std::string folder = fs::path(row.measurement.table).parent_path().string();
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(folder);
  }
  for (const std::string& folder : folders) {
    for (const auto& [name, title] :
         {std::pair("kernels.csv", "Kernels"),
          std::pair("kernels-measured.csv", "Kernels, measured with measure_kernels.py")}) {
      const fs::path kernels = fs::path(folder) / name;
      if (fs::exists(kernels))
        text += fmt::format("## {}\n\n{}\n", title,
                            microbenchmark_markdown(validate_kernels(
                                read_kernel_table(kernels.string()), "", search_)));
    }
    const fs::path collectives = fs::path(folder) / "collectives.csv";
    if (fs::exists(collectives))
      text += "## Collectives\n\n" +
              microbenchmark_markdown(
                  validate_collectives(read_collective_table(collectives.string()), "", search_)) +
              "\n";
  }
  return text;
}

std::string Report::notes() const {
  std::string text;
  std::vector<std::string> seen;
  for (const ValidatedRow& row : rows_) {
    const std::string& table = row.measurement.table;
    if (std::find(seen.begin(), seen.end(), table) != seen.end()) continue;
    seen.push_back(table);
    std::ifstream file(fs::path(table).replace_extension(".notes.md"), std::ios::binary);
    const std::string note{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!note.empty()) text += note + "\n";
  }
  return text;
}

std::string Report::misses() const {
  std::vector<const ValidatedRow*> worst;
  for (const ValidatedRow& row : rows_)
    if (row.reason.empty()) worst.push_back(&row);
  std::stable_sort(worst.begin(), worst.end(), [](const auto* a, const auto* b) {
    return std::abs(std::log(a->error.speed_ratio)) > std::abs(std::log(b->error.speed_ratio));
  });
  worst.resize(std::min(worst.size(), kLargestMisses));
  std::string text =
      "## Largest misses\n\nBy the ratio of speeds, with the predicted step's parts.\n\n"
      "| row | model | device | precision | mapping | switches | error | predicted step |\n"
      "|---|---|---|---|---|---|---:|---|\n";
  for (const ValidatedRow* row : worst) {
    const MeasuredRow& m = row->measurement;
    text += fmt::format("| {}:{} | {} | {} {} | {} | {} | {} | {:+.1f} % | {}{} |\n", table_name(m),
                        m.line, m.model, m.num_gpus, m.gpu, m.precision, mapping_text(*row),
                        switches_text(*row), row->error.error_percent, breakdown_text(*row),
                        row->fits ? "" : "; does not fit in memory");
  }
  return text + "\n";
}

// Measurements of one configuration, as releases of the software differ.
std::string Report::repeated() const {
  std::map<std::string, std::vector<const ValidatedRow*>> same;
  for (const ValidatedRow& row : rows_)
    if (row.reason.empty()) same[row.run].push_back(&row);
  std::string text;
  const std::string head =
      "## Rows that measure the same configuration\n\nOne simulation each; the band is what the "
      "sources disagree by "
      "(software releases, clusters, days).\n\n| model | device | mapping | rows | measured speed, "
      "tok/s/GPU | band | "
      "predicted |\n|---|---|---|---:|---|---:|---:|\n";
  for (const auto& [run, rows] : same) {
    if (rows.size() < 2) continue;
    double low = rows[0]->error.measured_speed, high = low;
    for (const ValidatedRow* row : rows) {
      low = std::min(low, row->error.measured_speed);
      high = std::max(high, row->error.measured_speed);
    }
    const MeasuredRow& m = rows[0]->measurement;
    text +=
        fmt::format("| {} | {} {} | {} {} | {} | {:.0f} to {:.0f} | {:.0f} % | {:.0f} |\n", m.model,
                    m.num_gpus, m.gpu, m.precision, mapping_text(*rows[0]), rows.size(), low, high,
                    100 * (high / low - 1), rows[0]->error.predicted_speed);
  }
  return text.empty() ? "" : head + text + "\n";
}

std::string Report::not_predicted() const {
  std::string text;
  for (const ValidatedRow& row : rows_)
    if (!row.reason.empty())
      text += fmt::format("- {}:{} {} on {} {}: {}\n", table_name(row.measurement),
                          row.measurement.line, row.measurement.model, row.measurement.num_gpus,
                          row.measurement.gpu, row.reason);
  return "## Rows that are not predicted\n\n" + (text.empty() ? "None.\n" : text) + "\n";
}

std::string Report::assumption_numbers(const ValidatedRow& row) {
  std::vector<size_t> numbers;
  for (const std::string& assumption : row.assumptions) {
    const auto found = std::find(assumptions_.begin(), assumptions_.end(), assumption);
    numbers.push_back(static_cast<size_t>(found - assumptions_.begin()) + 1);
    if (found == assumptions_.end()) assumptions_.push_back(assumption);
  }
  std::sort(numbers.begin(), numbers.end());
  return fmt::format("{}", fmt::join(numbers, " "));
}

std::string Report::rows_by_source() {
  std::vector<std::string> sources;
  std::map<std::string, std::string> lines;
  for (const ValidatedRow& row : rows_) {
    const MeasuredRow& m = row.measurement;
    if (!lines.count(m.source)) sources.push_back(m.source);
    std::string& text = lines[m.source];
    const std::string numbers = assumption_numbers(row);
    if (!row.reason.empty()) continue;
    text += fmt::format("| {} | {} | {} {} | {} | {} | {} | {} | {} {} | {:+.1f} % | {} |\n",
                        m.line, m.model, m.num_gpus, m.gpu, m.precision, mapping_text(row),
                        switches_text(row), figure(row.predicted), figure(row.measured),
                        unit_of(row.metric), row.error.error_percent, numbers);
  }
  std::string text = "## Rows\n\nThe last column names assumptions, listed at the end.\n\n";
  for (const std::string& source : sources)
    if (!lines[source].empty())
      text += fmt::format(
          "### {}\n\n| row | model | device | precision | mapping | switches | predicted | "
          "measured | error | assumed "
          "|\n"
          "|---:|---|---|---|---|---|---:|---:|---:|---|\n{}\n",
          source, lines[source]);
  return text;
}

std::string Report::legend() const {
  std::string text = "## Assumptions\n\n";
  for (size_t i = 0; i < assumptions_.size(); ++i)
    text += fmt::format("{}. {}\n", i + 1, assumptions_[i]);
  return text;
}

std::vector<PlotPoint> plot_points(const std::vector<ValidatedRow>& rows) {
  std::vector<PlotPoint> points;
  for (const ValidatedRow& row : rows) {
    if (!row.reason.empty()) continue;
    const MeasuredRow& m = row.measurement;
    points.push_back(
        {row.error.measured_speed, row.error.predicted_speed, m.gpu,
         fmt::format("{}:{} {} {} x {} {} {}: {:+.1f} %", table_name(m), m.line, m.model,
                     m.num_gpus, m.gpu, m.precision, mapping_text(row), row.error.error_percent)});
  }
  return points;
}

}  // namespace

void write_validation_report(const Validation& validation, const std::string& path,
                             const SearchPath& search) {
  const fs::path report(path);
  const std::string plot = lowercase(report.stem().string()) + "-steps.svg";
  write_text(
      report.parent_path() / plot,
      scatter_svg(plot_points(validation.rows), "Training steps, one point per published row",
                  "tokens/s per GPU (from TFLOPS where only those are printed)"));
  write_text(report, Report(validation, search).text(plot));
}

}  // namespace moesim
