#include "measured/microbenchmarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "config/scenario.hpp"
#include "measured/table_row.hpp"

namespace moesim {

namespace {

// FlashAttention-2 reaches about half of what newer kernels do on Hopper; it has rows but no device
// of its own, since no framework of the measured steps uses it there.
bool has_device(const MeasuredKernel& row) { return row.device.find('/') == std::string::npos; }

std::string line(const MicrobenchmarkClass& c, const char* format_bar) {
  return fmt::format(fmt::runtime(format_bar), c.name, c.residual.rows, c.residual.median_percent,
                     c.residual.p90_percent, c.residual.bias_percent,
                     c.fitted ? "fitted" : "check");
}

}  // namespace

TableKind kind_of_table(const std::string& path, const Files& files) {
  const std::vector<std::string> columns = table_columns(path, files);
  const auto has = [&](const char* name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  if (has("collective")) return TableKind::collectives;
  if (has("peak_memory")) return TableKind::memory;
  return has("class") ? TableKind::kernels : TableKind::steps;
}

namespace {

std::map<std::string, Device> devices_of(const std::vector<MeasuredKernel>& rows,
                                         const std::string& platform, const SearchPath& search) {
  std::map<std::string, Device> devices;
  for (const MeasuredKernel& row : rows)
    if (has_device(row) && !devices.count(row.device))
      devices[row.device] = platform.empty() ? load_device(row.device, {}, search)
                                             : load_pod(platform, {"gpus=1"}, search).device;
  return devices;
}

}  // namespace

std::vector<MicrobenchmarkClass> validate_kernels(const std::vector<MeasuredKernel>& rows,
                                                  const std::string& platform,
                                                  const SearchPath& search) {
  const std::map<std::string, Device> devices = devices_of(rows, platform, search);
  std::vector<MicrobenchmarkClass> classes;
  for (const bool fitted : {true, false})
    for (const auto& [name, residual] : residuals(rows, devices, [&](const MeasuredKernel& row) {
           return has_device(row) && row.fitted == fitted;
         }))
      classes.push_back({name, fitted, residual});
  return classes;
}

std::vector<MicrobenchmarkClass> validate_kernels_by_size(const std::vector<MeasuredKernel>& rows,
                                                          const std::string& platform,
                                                          const SearchPath& search) {
  const std::map<std::string, Device> devices = devices_of(rows, platform, search);
  std::vector<MeasuredKernel> sized;
  for (const MeasuredKernel& row : rows) {
    if (!has_device(row) || row.kernel.kind == KernelKind::memory || row.kernel.flops < 1) continue;
    sized.push_back(row);
    const int decade = static_cast<int>(std::floor(std::log10(row.kernel.flops)));
    sized.back().name += fmt::format(", 1e{:02} FLOP", decade);
  }
  std::vector<MicrobenchmarkClass> classes;
  for (const auto& [name, residual] :
       residuals(sized, devices, [](const MeasuredKernel&) { return true; })) {
    const auto fits = [&, named = &name](const MeasuredKernel& row) {
      return row.fitted && row.device + " " + row.name == *named;
    };
    classes.push_back({name, std::any_of(sized.begin(), sized.end(), fits), residual});
  }
  return classes;
}

std::vector<MicrobenchmarkClass> validate_collectives(const std::vector<MeasuredCollective>& rows,
                                                      const std::string& platform,
                                                      const SearchPath& search) {
  std::map<std::string, Pod> pods;
  std::map<std::pair<bool, std::string>, std::vector<double>> errors;
  for (const MeasuredCollective& row : rows) {
    auto found = pods.find(row.platform);
    if (found == pods.end())
      found = pods.emplace(row.platform,
                           load_pod(platform.empty() ? row.platform : platform, {"gpus=8"}, search))
                  .first;
    const double ratio = predicted_s(found->second, prepare(found->second, row)) / row.seconds;
    errors[{!row.fitted, class_of(row)}].push_back(100 * (ratio - 1));
  }
  std::vector<MicrobenchmarkClass> classes;
  for (auto& [key, percent] : errors)
    classes.push_back({key.second, !key.first, summarise(percent)});
  return classes;
}

std::string microbenchmark_table(const std::vector<MicrobenchmarkClass>& classes) {
  std::string text = fmt::format("{:<46} {:>4} {:>8} {:>5} {:>6}\n", "device or platform, class",
                                 "rows", "median %", "p90 %", "bias %");
  for (const MicrobenchmarkClass& c : classes)
    text += line(c, "{:<46} {:>4} {:>8.1f} {:>5.1f} {:>+6.1f} {}\n");
  return text;
}

std::string microbenchmark_markdown(const std::vector<MicrobenchmarkClass>& classes) {
  std::string text =
      "| device or platform, class | rows | median \\|error\\| | 90th percentile | bias | rows are "
      "|\n"
      "|---|---:|---:|---:|---:|---|\n";
  for (const MicrobenchmarkClass& c : classes)
    text += line(c, "| {} | {} | {:.1f} % | {:.1f} % | {:+.1f} % | {} |\n");
  return text;
}

namespace {

nlohmann::ordered_json json_of(const std::vector<MicrobenchmarkClass>& classes) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const MicrobenchmarkClass& c : classes)
    list.push_back({{"class", c.name},
                    {"fitted", c.fitted},
                    {"rows", c.residual.rows},
                    {"median_abs_error_percent", c.residual.median_percent},
                    {"p90_abs_error_percent", c.residual.p90_percent},
                    {"bias_percent", c.residual.bias_percent}});
  return list;
}

}  // namespace

std::string microbenchmark_json(const std::vector<MicrobenchmarkClass>& classes,
                                const std::vector<MicrobenchmarkClass>& by_size) {
  nlohmann::ordered_json all{{"classes", json_of(classes)}};
  if (!by_size.empty()) all["by_flops"] = json_of(by_size);
  return all.dump(2) + "\n";
}

}  // namespace moesim
