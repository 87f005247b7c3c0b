#include "measured/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "base/diagnostics.hpp"
#include "measured/minimise.hpp"

namespace moesim {

namespace {

struct Constant {
  std::string key;
  std::function<double&(Pod&)> value;
  Bounds bounds;
  const char* unit;
  const char* meaning;
};

// Constants that the same rows tell, fitted together.
struct Group {
  std::string name;
  std::vector<Constant> constants;
  std::function<bool(const MeasuredKernel&)> kernel = [](const MeasuredKernel&) { return false; };
  std::function<bool(const MeasuredCollective&, const Pod&)> collective =
      [](const auto&, const auto&) { return false; };
};

Constant device_constant(const char* key, double Device::*field, Bounds bounds, const char* unit,
                         const char* meaning) {
  return {key, [field](Pod& pod) -> double& { return pod.device.*field; }, bounds, unit, meaning};
}
Constant pod_constant(const char* key, double Pod::*field, Bounds bounds, const char* unit,
                      const char* meaning) {
  return {key, [field](Pod& pod) -> double& { return pod.*field; }, bounds, unit, meaning};
}

Group kernels_of(const char* name, std::vector<Constant> constants) {
  Group group{name, std::move(constants)};
  group.kernel = [name = std::string(name)](const MeasuredKernel& row) { return row.name == name; };
  return group;
}

std::vector<Group> kernel_groups() {
  const Bounds share{0.05, 1};
  return {
      kernels_of(
          "memory",
          {device_constant("device.memory_efficiency", &Device::memory_efficiency, {0.2, 1}, "",
                           "share of the memory bandwidth that streaming kernels sustain"),
           device_constant("device.memory_half_bytes", &Device::memory_half_bytes, {1e4, 1e9}, "B",
                           "bytes at which a streaming kernel reaches half of that")}),
      kernels_of("gemm bf16",
                 {device_constant("device.gemm_efficiency", &Device::gemm_efficiency, share, "",
                                  "share of peak in the main loop of a large tile"),
                  device_constant("device.gemm_half_k", &Device::gemm_half_k, {5, 2000}, "",
                                  "prologue and epilogue of a tile, as reduction length"),
                  device_constant("device.tile_half_width", &Device::tile_half_width, {1, 300}, "",
                                  "tile width at which loading operands doubles the main loop")}),
      kernels_of("gemm fp8", {device_constant("device.fp8_efficiency", &Device::fp8_efficiency,
                                              share, "", "share of peak in the main loop in FP8")}),
      kernels_of("grouped_gemm bf16", {device_constant("device.grouped_gemm_efficiency",
                                                       &Device::grouped_gemm_efficiency, share, "",
                                                       "as gemm_efficiency, in a grouped GEMM")}),
      kernels_of(
          "attention_fwd bf16",
          {device_constant("device.attention_efficiency", &Device::attention_efficiency, share, "",
                           "share of peak of forward attention over long sequences"),
           device_constant("device.attention_half_length", &Device::attention_half_length,
                           {1, 4000}, "",
                           "keys per query at which a tile's fixed cost halves the efficiency")}),
      kernels_of("attention_bwd bf16", {device_constant("device.attention_backward_efficiency",
                                                        &Device::attention_backward_efficiency,
                                                        share, "", "the same, backward")}),
  };
}

std::vector<Group> fabric_groups() {
  const Bounds share{0.05, 1}, time{1e-8, 5e-3};
  const auto within = [](const MeasuredCollective& row, const Pod& pod) {
    return row.gpus <= pod.gpus_per_node;
  };
  std::vector<Group> groups(2);
  groups[0].name = "collectives inside a node";
  groups[0].constants = {
      pod_constant("nvlink_efficiency", &Pod::nvlink_efficiency, share, "",
                   "share of the NVLink port"),
      pod_constant("collective_startup_s", &Pod::collective_startup_s, time, "s",
                   "software cost of launching a collective"),
      pod_constant("message_startup_s", &Pod::message_startup_s, time, "s", "per message or step")};
  groups[0].collective = [=](const auto& row, const Pod& pod) {
    return row.library == "nccl" && within(row, pod);
  };
  groups[1].name = "collectives between nodes";
  groups[1].constants = {
      pod_constant("nic_efficiency", &Pod::nic_efficiency, share, "", "share of the NIC")};
  groups[1].collective = [=](const auto& row, const Pod& pod) {
    return row.library == "nccl" && !within(row, pod);
  };
  for (const Dispatcher dispatcher : all_dispatchers()) {
    const DispatcherTraits& its = traits(dispatcher);
    if (!its.own_costs()) continue;
    const auto constant = [&](const char* key, double DispatcherCost::*member, Bounds bounds,
                              const char* unit, const char* meaning) {
      return Constant{fmt::format("{}.{}", its.name, key),
                      [=](Pod& pod) -> double& { return pod.dispatchers[dispatcher].*member; },
                      bounds, unit, meaning};
    };
    const auto rows = [&](bool inside) {
      return [=, library = std::string(its.name)](const MeasuredCollective& row, const Pod& pod) {
        return row.library == library && moves_tokens(row) && within(row, pod) == inside;
      };
    };
    Group inside, between;
    inside.name = fmt::format("{} inside a node", its.title);
    inside.constants = {
        constant("startup_s", &DispatcherCost::startup_s, time, "s", "before the first byte"),
        constant("nvlink_efficiency", &DispatcherCost::nvlink_efficiency, share, "",
                 "of what nvlink_efficiency leaves")};
    inside.collective = rows(true);
    between.name = fmt::format("{} between nodes", its.title);
    between.constants = {constant("nic_efficiency", &DispatcherCost::nic_efficiency, share, "",
                                  "of what nic_efficiency leaves")};
    between.collective = rows(false);
    groups.push_back(inside);
    groups.push_back(between);
  }
  return groups;
}

struct Rows {
  std::vector<MeasuredKernel> kernels;
  std::vector<PreparedCollective> collectives;
  size_t size() const { return kernels.size() + collectives.size(); }

  std::vector<double> ratios(const Pod& pod) const {
    std::vector<double> found;
    for (const MeasuredKernel& row : kernels)
      found.push_back(predicted_s(pod.device, row) / row.seconds);
    for (const PreparedCollective& prepared : collectives)
      found.push_back(predicted_s(pod, prepared) / prepared.row.seconds);
    return found;
  }
  Residual residual(const Pod& pod) const {
    std::vector<double> percent;
    for (const double ratio : ratios(pod)) percent.push_back(100 * (ratio - 1));
    return summarise(percent);
  }
};

Rows rows_of(const Group& group, const Pod& pod, const std::vector<MeasuredKernel>& kernels,
             const std::vector<MeasuredCollective>& collectives) {
  Rows rows;
  for (const MeasuredKernel& row : kernels)
    if (group.kernel(row)) rows.kernels.push_back(row);
  for (const MeasuredCollective& row : collectives)
    if (group.collective(row, pod)) rows.collectives.push_back(prepare(pod, row));
  return rows;
}

// Rows of the base where a table names several devices; tells what it leaves out.
template <class Row, class Name>
std::vector<Row> rows_of_base(const std::vector<Row>& rows, const std::string& base, Name name,
                              std::vector<std::string>& left_out) {
  std::set<std::string> names;
  for (const Row& row : rows) names.insert(name(row));
  if (names.size() < 2) return rows;
  std::vector<Row> kept;
  for (const Row& row : rows)
    if (name(row) == base) kept.push_back(row);
  if (kept.empty())
    throw InputError(
        fmt::format("the tables name {}, and none is the base, {}", fmt::join(names, ", "), base));
  left_out.push_back(
      fmt::format("{} rows of other devices than {}", rows.size() - kept.size(), base));
  return kept;
}

// Least squares of the logarithm of predicted over measured.
void fit(const Group& group, const Rows& rows, Pod& pod) {
  std::vector<double> start;
  std::vector<Bounds> bounds;
  for (const Constant& constant : group.constants) {
    start.push_back(constant.value(pod));
    bounds.push_back(constant.bounds);
  }
  const auto put = [&](const std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); ++i) group.constants[i].value(pod) = values[i];
  };
  put(minimise(
      [&](const std::vector<double>& values) {
        put(values);
        double sum = 0;
        for (const double ratio : rows.ratios(pod)) sum += std::log(ratio) * std::log(ratio);
        return sum;
      },
      start, bounds, 4, 1));
}

std::string at_bound(const FittedConstant& c) {
  return c.at_bound ? "; at the bound of what is tried" : "";
}

}  // namespace

Calibration calibrate(const Pod& base, const std::vector<MeasuredKernel>& all_kernels,
                      const std::vector<MeasuredCollective>& all_collectives) {
  Calibration result;
  result.pod = base;
  const auto device_of = [](const MeasuredKernel& row) { return row.device; };
  const auto platform_of = [](const MeasuredCollective& row) { return row.platform; };
  std::vector<MeasuredKernel> kernels =
      rows_of_base(all_kernels, base.device.name, device_of, result.left_out);
  const auto collectives = rows_of_base(all_collectives, base.name, platform_of, result.left_out);
  if (const auto n = std::erase_if(kernels, [](const MeasuredKernel& row) { return !row.fitted; });
      n > 0)
    result.left_out.push_back(fmt::format("{} rows whose fit is no or warm", n));
  std::vector<Group> groups = kernel_groups();
  for (Group& group : fabric_groups()) groups.push_back(std::move(group));
  for (const Group& group : groups) {
    const Rows rows = rows_of(group, base, kernels, collectives);
    if (rows.size() == 0) continue;
    if (rows.size() < group.constants.size()) {
      result.left_out.push_back(fmt::format("{}: {} rows for {} constants", group.name, rows.size(),
                                            group.constants.size()));
      continue;
    }
    Pod start = result.pod;
    const Residual before = rows.residual(base);
    fit(group, rows, result.pod);
    const Residual after = rows.residual(result.pod);
    result.classes.push_back({group.name, before, after});
    for (const Constant& constant : group.constants) {
      const double value = constant.value(result.pod);
      result.constants.push_back(
          {constant.key, constant.value(start), value, constant.unit, constant.meaning,
           fmt::format("fitted on {} rows, {}, median error {:.1f} %", rows.size(), group.name,
                       after.median_percent),
           value <= constant.bounds.least * 1.001 || value >= constant.bounds.most * 0.999});
    }
  }
  std::map<std::string, int> unused;
  for (const MeasuredKernel& row : kernels)
    if (std::none_of(groups.begin(), groups.end(),
                     [&](const Group& group) { return group.kernel(row); }))
      ++unused[row.name];
  for (const auto& [name, count] : unused)
    result.left_out.push_back(fmt::format("{} rows of {}: no constant of its own", count, name));
  return result;
}

std::string calibration_table(const Calibration& calibration) {
  std::string text;
  if (!calibration.constants.empty())
    text += fmt::format("{:<48} {:>12} {:>12}\n", "constant", "before", "after");
  for (const FittedConstant& c : calibration.constants) {
    const auto value = [&](double v) {
      return fmt::format("{:.4g}{}{}", v, c.unit.empty() ? "" : " ", c.unit);
    };
    text += fmt::format("{:<48} {:>12} {:>12}\n    {}{}\n", c.key, value(c.before), value(c.after),
                        c.meaning, at_bound(c));
  }
  if (!calibration.classes.empty())
    text += fmt::format("\n{:<38} {:>5}   median, p90 before      after, %\n", "residuals", "rows");
  for (const CalibrationClass& c : calibration.classes)
    text += fmt::format("{:<38} {:>5} {:>9.1f} {:>9.1f} {:>7.1f} {:>7.1f}{}\n", c.name,
                        c.after.rows, c.before.median_percent, c.before.p90_percent,
                        c.after.median_percent, c.after.p90_percent,
                        c.after.median_percent > c.before.median_percent ? "  rose" : "");
  for (const std::string& what : calibration.left_out) text += fmt::format("not used: {}\n", what);
  return text;
}

std::string calibration_yaml(const Calibration& calibration, const std::string& base,
                             const std::vector<std::string>& tables) {
  std::map<std::string, std::string> sections;  // "" for the platform itself
  for (const FittedConstant& c : calibration.constants) {
    const size_t dot = c.key.find('.');
    const std::string section = dot == std::string::npos ? "" : c.key.substr(0, dot);
    const std::string key = dot == std::string::npos ? c.key : c.key.substr(dot + 1);
    sections[section] +=
        fmt::format("{}{}: {{value: {:.6g}{}{}, source: \"moesim calibrate: {}\"}}\n",
                    section.empty() ? "" : "  ", key, c.after, c.unit.empty() ? "" : " ", c.unit,
                    c.rows + at_bound(c));
  }
  std::string text = fmt::format("# Written by moesim calibrate from {}.\nbase: {}\n",
                                 fmt::join(tables, ", "), base);
  text += sections[""];
  for (const auto& [section, lines] : sections)
    if (!section.empty()) text += fmt::format("{}:\n{}", section, lines);
  return text;
}

}  // namespace moesim
