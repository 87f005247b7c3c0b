#include "measured/validate_output.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "report/format.hpp"

namespace moesim {
namespace {

using nlohmann::ordered_json;

constexpr const char* kGroupings[] = {"table", "source", "gpu", "model", "precision"};

const char* unit_of(const std::string& metric) {
  if (metric == "tokens_per_s_per_gpu") return "";
  return metric == "step_time_s" ? "s" : "TF";
}

std::string figure(double value) {
  return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

// The end of a long name tells it from others, but for what it says in parentheses; "-" where there
// is none.
std::string short_group(const std::string& name) {
  if (name.empty()) return fit_end("-", 39);
  return fit_end(name.size() <= 39 ? name : name.substr(0, name.find(" (")), 39);
}

std::string group_lines(const std::vector<ValidatedRow>& rows, const std::string& column) {
  std::string text;
  for (const auto& [name, s] : group_errors(rows, column))
    text += fmt::format("  {} {:>5} {:>8.1f} % {:>8.1f} % {:>+8.1f} %\n", short_group(name), s.rows,
                        s.median_abs_error_percent, s.max_abs_error_percent,
                        s.median_speed_error_percent);
  return text;
}

// "PP16x2EP64mbs1": the mapping in little room.
std::string short_mapping(const ValidatedRow& row) {
  std::string text = mapping_text(row);
  std::erase(text, ' ');
  return text;
}

// "gb300" for gb300-nvl72, where the whole name has no room.
std::string short_device(const std::string& name) {
  return name.size() <= 8 ? name : name.substr(0, name.find('-'));
}

// One line of 80 columns per prediction.
std::string row_lines(const std::vector<ValidatedRow>& rows) {
  std::string text =
      fmt::format("{:>4} {:<13} {:<8} {:>5} {:<6} {:<14} {:>6} {:>6} {:<2} {:>7}\n", "line",
                  "model", "gpu", "GPUs", "prec.", "mapping", "pred.", "meas.", "", "error");
  for (const ValidatedRow& row : rows) {
    if (!row.reason.empty()) continue;
    const MeasuredRow& m = row.measurement;
    text += fmt::format("{:>4} {} {} {:>5} {} {} {:>6} {:>6} {:<2} {:>+6.1f}%\n", m.line,
                        fit(m.model, 13), fit(short_device(m.gpu), 8), m.num_gpus,
                        fit(m.precision, 6), fit(short_mapping(row), 14), figure(row.predicted),
                        figure(row.measured), unit_of(row.metric), row.error.error_percent);
  }
  return text +
         "pred. and meas. in tokens/s per GPU, where no other unit follows; --format json\nand "
         "--report say what is "
         "assumed where a row states nothing\n";
}

// Returns the part about rows without a prediction.
std::string reasons(const std::vector<ValidatedRow>& rows) {
  std::string text;
  for (const ValidatedRow& row : rows) {
    if (row.reason.empty()) continue;
    const MeasuredRow& m = row.measurement;
    const std::string head = fmt::format("{:>4} {}, {} x {}{}", m.line, m.model, m.num_gpus, m.gpu,
                                         m.precision.empty() ? "" : ", " + m.precision);
    text += fold(fmt::format("{}: {}", head, row.reason), 0, 7) + "\n";
  }
  return text.empty() ? "" : "not predicted:\n" + text;
}

ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json to_json(const ErrorSummary& s) {
  return {{"rows", s.rows},
          {"median_abs_error_percent", number(s.median_abs_error_percent)},
          {"p90_abs_error_percent", number(s.p90_abs_error_percent)},
          {"max_abs_error_percent", number(s.max_abs_error_percent)},
          {"median_speed_error_percent", number(s.median_speed_error_percent)},
          {"within_20_percent", number(s.within_20_percent)},
          {"spearman", number(s.spearman)}};
}

ordered_json to_json(const Breakdown& breakdown) {
  ordered_json json;
  for (const auto& [seconds, figure] : kBreakdownParts)
    if (!figure.has(kWhenSet) || breakdown.*seconds != 0) json[figure.key] = breakdown.*seconds;
  return json;
}

ordered_json to_json(const ValidatedRow& row) {
  const MeasuredRow& m = row.measurement;
  ordered_json json = {{"table", m.table},
                       {"line", m.line},
                       {"source", m.source},
                       {"model", m.model},
                       {"gpu", m.gpu},
                       {"num_gpus", m.num_gpus},
                       {"precision", m.precision},
                       {"mapping", mapping_text(row)}};
  if (row.reason.empty()) {
    json["status"] = "predicted";
    json["metric"] = row.metric;
    json["predicted"] = row.predicted;
    json["measured"] = row.measured;
    json["error_percent"] = row.error.error_percent;
    json["step_time_s"] = row.step_time_s;
    json["breakdown_s"] = to_json(row.breakdown_s);
    json["overload_factor"] = row.overload_factor;
    json["fits"] = row.fits;
  } else {
    json["status"] = "not_run";
    json["reason"] = row.reason;
  }
  if (!row.run.empty()) json["run"] = row.run;
  json["assumptions"] = row.assumptions;
  return json;
}

}  // namespace

std::string sizes_text(std::initializer_list<std::pair<const char*, int>> sizes) {
  std::string text;
  for (const auto& [format, size] : sizes)
    if (size > 1) text += fmt::format(fmt::runtime(format), size);
  return text;
}

std::string mapping_text(const ValidatedRow& row) {
  const Plan& p = row.plan;
  std::string text = sizes_text({{"TP{} ", p.tp}, {"PP{}", p.pp}, {"x{}", p.vpp}});
  if (p.pp > 1) text += ' ';
  text += sizes_text({{"CP{} ", p.cp}, {"EP{} ", p.ep}, {"ETP{} ", p.etp}});
  if (p.zero_stage == 3) text += "FSDP ";
  return text + fmt::format("mbs{}", row.batch.micro_batch);
}

std::string validation_table(const Validation& validation) {
  const ErrorSummary s = summarize_errors(errors_of(validation.rows));
  if (s.rows == 0) return reasons(validation.rows);
  std::string text = row_lines(validation.rows);
  if (const std::string not_run = reasons(validation.rows); !not_run.empty())
    text += "\n" + not_run;
  for (const char* column : kGroupings)
    text += fmt::format("\n  {:<39} {:>5} {:>10} {:>10} {:>10}\n", fmt::format("by {}", column),
                        "rows", "median |e|", "max |e|", "speed") +
            group_lines(validation.rows, column);

  text += fmt::format("\nrows                      {} predicted of {}\n", s.rows,
                      validation.rows.size());
  text += fmt::format("median_abs_error_percent  {:.2f}\n", s.median_abs_error_percent);
  text += fmt::format("p90_abs_error_percent     {:.2f}\n", s.p90_abs_error_percent);
  text += fmt::format("max_abs_error_percent     {:.2f}\n", s.max_abs_error_percent);
  text += fmt::format("spearman                  {}\n", std::isfinite(s.spearman)
                                                            ? fmt::format("{:.4f}", s.spearman)
                                                            : "- (needs rows that differ)");
  text += fmt::format("{} simulations ({} from before) in {:.1f} s\n", validation.simulations,
                      validation.simulated_before, validation.wall_s);
  return text;
}

std::string validation_json(const Validation& validation) {
  ordered_json rows = ordered_json::array();
  for (const ValidatedRow& row : validation.rows) rows.push_back(to_json(row));
  const std::vector<PredictionError> errors = errors_of(validation.rows);
  ordered_json summary = to_json(summarize_errors(errors));
  summary["rows"] = validation.rows.size();
  summary["predicted_rows"] = errors.size();
  summary["not_run_rows"] = validation.rows.size() - errors.size();
  for (const char* column : kGroupings) {
    ordered_json groups = ordered_json::array();
    for (const auto& [name, group] : group_errors(validation.rows, column)) {
      ordered_json entry = {{column, name}};
      entry.update(to_json(group));
      groups.push_back(std::move(entry));
    }
    summary[std::string("by_") + column] = std::move(groups);
  }
  summary["simulations"] = validation.simulations;
  summary["simulated_before"] = validation.simulated_before;
  summary["wall_s"] = validation.wall_s;
  const ordered_json all = {{"rows", std::move(rows)}, {"summary", std::move(summary)}};
  return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
