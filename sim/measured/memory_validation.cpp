#include "measured/memory_validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/statistics.hpp"
#include "base/text.hpp"
#include "measured/row_scenario.hpp"
#include "measured/validate_output.hpp"
#include "report/format.hpp"
#include "run/pod_memory.hpp"

namespace moesim {
namespace {

using nlohmann::ordered_json;
using Verdict = MeasuredMemory::Verdict;

double bytes_of(const StageMemory& stage, MemoryKind kind) {
  switch (kind) {
    case MemoryKind::allocated:
      return stage.total_bytes;
    case MemoryKind::reserved:
      return stage.reserved_bytes;
    case MemoryKind::persistent:
      return stage.total_bytes - stage.activations_bytes;
    case MemoryKind::device:
      return stage.reserved_bytes + stage.outside_bytes;
  }
  return 0;
}

void predict(ValidatedMemory& row, const std::string& platform,
             const std::vector<std::string>& sets, const SearchPath& search) {
  const MeasuredMemory& measured = row.measurement;
  if (row.reason = measured.reason; !row.reason.empty()) return;
  RowScenario found = scenario_of_row(measured.row, platform, search, disk_files(), sets);
  row.assumptions = std::move(found.assumptions);
  if (!measured.told.empty()) row.assumptions.insert(row.assumptions.begin(), measured.told);
  if (row.reason = std::move(found.reason); !row.reason.empty()) return;
  row.plan = found.scenario.plan;
  const std::vector<StageMemory> stages = forecast_memory(found.scenario);
  if (measured.stage == MeasuredMemory::kFullest) {
    row.predicted = *fullest(stages);
  } else {
    const size_t stage = measured.stage == MeasuredMemory::kLast
                             ? stages.size() - 1
                             : static_cast<size_t>(measured.stage);
    if (stage >= stages.size()) {
      row.reason = fmt::format("there is no stage {}", measured.stage);
      return;
    }
    row.predicted = stages[stage];
  }
  row.predicted_bytes = bytes_of(row.predicted, measured.kind);
  if (measured.bytes > 0)
    row.error_percent = 100 * (row.predicted_bytes - measured.bytes) / measured.bytes;
}

// "T2P8V2E8"
std::string mapping_of(const ValidatedMemory& row) {
  const Plan& p = row.plan;
  const std::string text = sizes_text(
      {{"T{}", p.tp}, {"P{}", p.pp}, {"V{}", p.vpp}, {"C{}", p.cp}, {"E{}", p.ep}, {"X{}", p.etp}});
  return p.zero_stage == 3 ? text + "F" : text;
}

struct Group {
  std::string name;
  std::vector<double> errors;  // percent, signed
};

std::vector<double> magnitudes(const std::vector<double>& errors) {
  std::vector<double> sizes;
  for (const double error : errors) sizes.push_back(std::abs(error));
  return sizes;
}

std::vector<Group> groups(const MemoryValidation& validation,
                          const std::function<std::string(const ValidatedMemory&)>& name_of) {
  std::vector<Group> found;
  for (const ValidatedMemory& row : validation.rows) {
    if (!row.has_error()) continue;
    const std::string name = name_of(row);
    auto at = std::find_if(found.begin(), found.end(),
                           [&](const Group& group) { return group.name == name; });
    if (at == found.end()) at = found.insert(found.end(), {name, {}});
    at->errors.push_back(row.error_percent);
  }
  return found;
}

std::vector<Group> groups_by(const MemoryValidation& validation, const std::string& column) {
  return groups(validation, [&](const ValidatedMemory& row) -> std::string {
    const MeasuredMemory& measured = row.measurement;
    if (column == "what") return spelling(measured.kind);
    if (column == "model") return measured.row.model;
    if (column == "gpu") return measured.row.gpu;
    return row.plan.zero_stage == 3 ? "ZeRO 3" : fmt::format("ZeRO {}", row.plan.zero_stage);
  });
}

constexpr const char* kColumns[] = {"what", "gpu", "zero", "model"};

std::string row_line(const ValidatedMemory& row) {
  const MeasuredMemory& m = row.measurement;
  const double gib = std::pow(2, 30);
  const StageMemory& p = row.predicted;
  std::string text =
      fmt::format("{:>4} {} {} {} {} ", m.row.line, fit(m.row.model, 16), fit(m.row.gpu, 6),
                  fit(mapping_of(row), 10), fit(spelling(m.kind), 5));
  if (m.bytes > 0)
    text += fmt::format("{:>6.2f} {:>6.2f} {:>+6.1f} %", row.predicted_bytes / gib, m.bytes / gib,
                        row.error_percent);
  else
    text += fmt::format("{:>6.2f} {} ", row.predicted_bytes / gib,
                        fit(m.verdict == Verdict::out_of_memory ? "OOM" : "fits", 15));
  if (!row.verdict_is_right()) text += " WRONG: " + p.verdict;
  return text + "\n";
}

// Where the predicted bytes of the rows are, so that an error can be looked for.
std::string part_line(const ValidatedMemory& row) {
  const double gib = std::pow(2, 30);
  const StageMemory& p = row.predicted;
  return fmt::format(
      "       params {:.2f} grads {:.2f} optimizer {:.2f} buffers {:.2f} activ. {:.2f}: {}\n",
      p.parameters_bytes / gib, p.gradients_bytes / gib, p.optimizer_bytes / gib,
      p.buffers_bytes / gib, p.activations_bytes / gib, p.moment);
}

// Rows without a prediction, those with the same reason together; a list of what is known is left
// out.
std::string reasons(const MemoryValidation& validation) {
  std::vector<std::pair<std::string, std::string>> lines;  // by reason
  for (const ValidatedMemory& row : validation.rows) {
    if (row.reason.empty()) continue;
    const std::string reason = row.reason.substr(0, row.reason.find(" (known:"));
    auto at = std::find_if(lines.begin(), lines.end(),
                           [&](const auto& line) { return line.first == reason; });
    if (at == lines.end()) at = lines.insert(lines.end(), {reason, ""});
    at->second += fmt::format("{}{}", at->second.empty() ? "" : ", ", row.measurement.row.line);
  }
  std::string text;
  for (const auto& [reason, numbers] : lines)
    text += fold(fmt::format("  {}: lines {}", reason, numbers), 0, 4) + "\n";
  return text;
}

ordered_json summary_json(const std::vector<double>& errors) {
  const std::vector<double> sizes = magnitudes(errors);
  return {{"rows", errors.size()},
          {"median_abs_error_percent", quantile(sizes, 0.5)},
          {"p90_abs_error_percent", quantile(sizes, 0.9)},
          {"max_abs_error_percent", quantile(sizes, 1)},
          {"median_error_percent", quantile(errors, 0.5)}};
}

}  // namespace

bool ValidatedMemory::verdict_is_right() const {
  if (!reason.empty() || measurement.verdict == Verdict::open) return true;
  // The device had more memory than its preset.
  if (measurement.bytes > predicted.capacity_bytes) return true;
  return predicted.fits == (measurement.verdict == Verdict::fits);
}

MemoryValidation validate_memory(const std::vector<std::string>& tables,
                                 const std::string& platform, const std::vector<std::string>& sets,
                                 const SearchPath& search) {
  MemoryValidation validation;
  for (const std::string& path : tables)
    for (MeasuredMemory& measured : read_memory_table(path).rows) {
      ValidatedMemory& row = validation.rows.emplace_back();
      row.measurement = std::move(measured);
      predict(row, platform, sets, search);
    }
  return validation;
}

std::string memory_validation_table(const MemoryValidation& validation) {
  std::string text = fmt::format("{:>4} {:<16} {:<6} {:<10} {:<5} {:>6} {:>6} {:>8}\n", "line",
                                 "model", "gpu", "mapping", "what", "pred.", "meas.", "error");
  for (const ValidatedMemory& row : validation.rows)
    if (row.reason.empty()) text += row_line(row) + part_line(row);
  text += "pred. and meas. in GiB\n";
  if (const std::string not_run = reasons(validation); !not_run.empty())
    text += "\nnot predicted:\n" + not_run;
  for (const char* column : kColumns) {
    text +=
        fmt::format("\n  {:<30} {:>5} {:>10} {:>10} {:>10} {:>9}\n", fmt::format("by {}", column),
                    "rows", "median |e|", "p90 |e|", "max |e|", "median e");
    for (const Group& group : groups_by(validation, column)) {
      const std::vector<double> sizes = magnitudes(group.errors);
      text += fmt::format("  {} {:>5} {:>8.2f} % {:>8.2f} % {:>8.2f} % {:>+7.2f} %\n",
                          fit(group.name, 30), group.errors.size(), quantile(sizes, 0.5),
                          quantile(sizes, 0.9), quantile(sizes, 1), quantile(group.errors, 0.5));
    }
  }
  size_t predicted = 0, verdicts = 0, right = 0;
  for (const ValidatedMemory& row : validation.rows) {
    if (!row.reason.empty()) continue;
    ++predicted;
    if (row.measurement.verdict == Verdict::open) continue;
    ++verdicts;
    right += row.verdict_is_right();
  }
  return text +
         fmt::format("\n{} of {} rows predicted; fits or out of memory said right for {} of {}\n",
                     predicted, validation.rows.size(), right, verdicts);
}

std::string memory_validation_json(const MemoryValidation& validation) {
  ordered_json rows = ordered_json::array();
  size_t predicted = 0, wrong = 0;
  for (const ValidatedMemory& row : validation.rows) {
    const MeasuredMemory& m = row.measurement;
    ordered_json json = {{"table", m.row.table},       {"line", m.row.line},
                         {"source", m.row.source},     {"model", m.row.model},
                         {"gpu", m.row.gpu},           {"num_gpus", m.row.num_gpus},
                         {"mapping", mapping_of(row)}, {"what", spelling(m.kind)}};
    if (row.reason.empty()) {
      ++predicted;
      wrong += !row.verdict_is_right();
      json["status"] = "predicted";
      json["predicted_bytes"] = std::round(row.predicted_bytes);
      json["measured_bytes"] = m.bytes > 0 ? ordered_json(m.bytes) : ordered_json(nullptr);
      json["error_percent"] = m.bytes > 0 ? ordered_json(row.error_percent) : ordered_json(nullptr);
      json["verdict"] = row.predicted.verdict;
      json["measured_verdict"] = m.verdict == Verdict::out_of_memory ? "out_of_memory"
                                 : m.verdict == Verdict::fits        ? "fits"
                                                                     : "open";
      json["verdict_is_right"] = row.verdict_is_right();
      const StageMemory& p = row.predicted;
      json["parts"] = {{"parameters_bytes", p.parameters_bytes},
                       {"gradients_bytes", p.gradients_bytes},
                       {"optimizer_bytes", p.optimizer_bytes},
                       {"buffers_bytes", p.buffers_bytes},
                       {"activations_bytes", p.activations_bytes}};
      json["moment"] = p.moment;
    } else {
      json["status"] = "not_run";
      json["reason"] = row.reason;
    }
    json["assumptions"] = row.assumptions;
    rows.push_back(std::move(json));
  }
  ordered_json summary = {
      {"rows", validation.rows.size()}, {"predicted_rows", predicted}, {"wrong_verdicts", wrong}};
  for (const char* column : kColumns) {
    ordered_json list = ordered_json::array();
    for (const Group& group : groups_by(validation, column)) {
      ordered_json entry = {{column, group.name}};
      entry.update(summary_json(group.errors));
      list.push_back(std::move(entry));
    }
    summary[std::string("by_") + column] = std::move(list);
  }
  return ordered_json({{"rows", std::move(rows)}, {"summary", std::move(summary)}}).dump(2) + "\n";
}

}  // namespace moesim
