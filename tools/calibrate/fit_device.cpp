// Fits the constants of the device model to kernels.csv, generation by generation, and prints the
// constants and the residuals. Pattern search on the mean absolute log error: robust against
// outliers, needs no derivatives. Usage: fit_device [--check] PLATFORMS_DIR KERNELS_CSV
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/diagnostics.hpp"
#include "config/scenario.hpp"
#include "measured/kernel_table.hpp"
#include "measured/minimise.hpp"

using namespace moesim;

namespace {

struct Constant {
  const char* key;
  double Device::*field;
  double least, most;
};

constexpr Constant gemm_overhead{"gemm_overhead_s", &Device::gemm_overhead_s, 0.5e-6, 6e-6};
constexpr Constant gemm_efficiency{"gemm_efficiency", &Device::gemm_efficiency, 0.3, 0.97};
constexpr Constant grouped_efficiency{"grouped_gemm_efficiency", &Device::grouped_gemm_efficiency,
                                      0.3, 0.97};
constexpr Constant fp8_efficiency{"fp8_efficiency", &Device::fp8_efficiency, 0.3, 0.97};
constexpr Constant half_k{"gemm_half_k", &Device::gemm_half_k, 10, 600};
constexpr Constant half_width{"tile_half_width", &Device::tile_half_width, 1, 200};
constexpr Constant forward{"attention_efficiency", &Device::attention_efficiency, 0.2, 1.0};
constexpr Constant backward{"attention_backward_efficiency", &Device::attention_backward_efficiency,
                            0.2, 1.0};
constexpr Constant half_length{"attention_half_length", &Device::attention_half_length, 1, 1000};
constexpr Constant half_dim{"attention_half_dim", &Device::attention_half_dim, 1, 400};
constexpr Constant host_timing{"host_timing_s", &Device::host_timing_s, 0.1e-6, 8e-6};
constexpr Constant memory{"memory_efficiency", &Device::memory_efficiency, 0.5, 0.95};

// One stage of a fit: these constants, on these rows, written to all devices of a generation.
struct Stage {
  const char* title;
  std::vector<std::string> devices;
  std::vector<std::string> classes;
  std::vector<Constant> constants;
  // Where only forward and backward together were measured, their ratio comes from this device.
  std::string backward_ratio_of = {};
};

using Devices = std::map<std::string, Device>;

struct Problem {
  const Stage& stage;
  std::vector<MeasuredKernel> rows;
  Devices& devices;

  // Every class counts the same, however many rows it has; in a class a row weighs by the square
  // root of its time, since steps spend theirs in large kernels.
  double loss() const {
    std::map<std::string, std::pair<double, double>> classes;
    for (const MeasuredKernel& row : rows) {
      const double seconds = predicted_s(devices.at(row.device), row);
      const double weight = std::sqrt(row.seconds);
      classes[row.name].first += weight * std::abs(std::log(seconds / row.seconds));
      classes[row.name].second += weight;
    }
    double sum = 0;
    for (const auto& [name, total] : classes) sum += total.first / total.second;
    return sum / static_cast<double>(std::max<size_t>(classes.size(), 1));
  }
  double get(const Constant& constant) const {
    return devices.at(stage.devices.front()).*constant.field;
  }
  void set(const Constant& constant, double value) {
    for (const std::string& name : stage.devices) {
      Device& device = devices.at(name);
      device.*constant.field = value;
      if (!stage.backward_ratio_of.empty()) {
        const Device& like = devices.at(stage.backward_ratio_of);
        device.attention_backward_efficiency = device.attention_efficiency *
                                               like.attention_backward_efficiency /
                                               like.attention_efficiency;
      }
    }
  }
};

bool belongs(const Stage& stage, const MeasuredKernel& row) {
  const auto has = [](const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  return (row.fitted || row.device == "h100-sxm/fa2") && has(stage.devices, row.device) &&
         has(stage.classes, row.name);
}

// The constants of a stage as one vector.
std::vector<double> point(const Problem& problem) {
  std::vector<double> at;
  for (const Constant& constant : problem.stage.constants) at.push_back(problem.get(constant));
  return at;
}

double loss_at(Problem& problem, const std::vector<double>& at) {
  const std::vector<Constant>& constants = problem.stage.constants;
  for (size_t i = 0; i < constants.size(); ++i) problem.set(constants[i], at[i]);
  return problem.loss();
}

void fit(Problem& problem) {
  constexpr int starts = 24;
  std::vector<Bounds> bounds;
  for (const Constant& constant : problem.stage.constants)
    bounds.push_back({constant.least, constant.most});
  const auto loss = [&](const std::vector<double>& at) { return loss_at(problem, at); };
  loss(minimise(loss, point(problem), bounds, starts, 1));
}

void print_constants(const Problem& problem) {
  fmt::print("{}: {} rows, mean |log error| {:.3f}\n", problem.stage.title, problem.rows.size(),
             problem.loss());
  for (const Constant& constant : problem.stage.constants) {
    fmt::print("  {:<30} {:.4g}\n", constant.key, problem.get(constant));
  }
}

void print_residuals(const std::vector<MeasuredKernel>& rows, const Devices& devices) {
  const auto print = [&](const char* title,
                         const std::function<bool(const MeasuredKernel&)>& keep) {
    fmt::print("\n{:<40} {:>5} {:>9} {:>9} {:>9}\n", title, "rows", "median %", "p90 %", "bias %");
    for (const auto& [name, residual] : residuals(rows, devices, keep)) {
      fmt::print("{:<40} {:>5} {:>9.1f} {:>9.1f} {:>9.1f}\n", name, residual.rows,
                 residual.median_percent, residual.p90_percent, residual.bias_percent);
    }
  };
  print("fitted", [](const MeasuredKernel& row) { return row.fitted; });
  print("for checking only", [](const MeasuredKernel& row) { return !row.fitted && !row.warm; });
  print("warm caches, for checking only", [](const MeasuredKernel& row) { return row.warm; });
}

const std::vector<Stage>& stages() {
  const std::vector<std::string> hopper = {"h100-sxm", "h800-sxm"};
  const std::vector<std::string> blackwell = {"b200-hgx", "gb200"};
  const std::vector<std::string> attention = {"attention_fwd bf16", "attention_bwd bf16",
                                              "attention_fwd_bwd bf16"};
  static const std::vector<Stage> all = {
      // Only kernel-timed rows can tell the ramp of a kernel from what the host adds, and only rows
      // with cold operands
      // the memory bandwidth: hence the two passes over BF16. gemm_efficiency is left as it stands
      // in the device file:
      // between 0.9 and 1 the other two make up for it, to the same residual.
      {"Hopper BF16 GEMM, first pass", hopper, {"gemm bf16"}, {half_k, half_width, host_timing}},
      {"Hopper FP8",
       hopper,
       {"gemm fp8", "grouped_gemm fp8"},
       {gemm_overhead, fp8_efficiency, grouped_efficiency, memory}},
      {"Hopper BF16 GEMM", hopper, {"gemm bf16"}, {half_k, half_width, host_timing}},
      {"Hopper attention forward",
       hopper,
       {"attention_fwd bf16"},
       {forward, half_length, half_dim}},
      {"Hopper attention backward", hopper, {"attention_bwd bf16"}, {backward}},
      {"Hopper FlashAttention-2",
       {"h100-sxm/fa2"},
       attention,
       {forward, backward, half_length, half_dim}},
      {"Ampere FlashAttention-2",
       {"a100-80g"},
       attention,
       {forward, half_length, half_dim},
       "h100-sxm/fa2"},
      {"Blackwell GEMM",
       blackwell,
       {"gemm bf16", "gemm fp8", "grouped_gemm bf16", "grouped_gemm fp8"},
       {gemm_efficiency, grouped_efficiency, fp8_efficiency, half_k, half_width, host_timing}},
      {"Blackwell attention", blackwell, attention, {forward, backward, half_length}},
  };
  return all;
}

// FlashAttention-2 reaches about half of what newer kernels do on Hopper; as this program fitted
// it.
Device with_flash_attention_2(Device device) {
  device.attention_efficiency = 0.410;
  device.attention_backward_efficiency = 0.372;
  device.attention_half_length = 181;
  device.attention_half_dim = 28.6;
  device.host_timing_s = 0;  // its rows were timed on the device
  return device;
}

int run(bool check, const std::string& platforms, const std::string& table) {
  const std::vector<MeasuredKernel> rows = read_kernel_table(table);
  Devices devices;
  for (const char* name : {"a100-80g", "h100-sxm", "h800-sxm", "b200-hgx", "gb200"}) {
    devices[name] = load_device(platforms + "/devices/" + name + ".yaml", {}, {});
  }
  devices["h100-sxm/fa2"] = with_flash_attention_2(devices["h100-sxm"]);
  if (!check) {
    for (const Stage& stage : stages()) {
      Problem problem{stage, {}, devices};
      std::copy_if(rows.begin(), rows.end(), std::back_inserter(problem.rows),
                   [&](const MeasuredKernel& row) { return belongs(stage, row); });
      fit(problem);
      print_constants(problem);
    }
  }
  print_residuals(rows, devices);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool check = argc > 1 && std::string_view(argv[1]) == "--check";
  if (argc != (check ? 4 : 3)) {
    fmt::print(stderr, "usage: fit_device [--check] PLATFORMS_DIR KERNELS_CSV\n");
    return 2;
  }
  try {
    return run(check, argv[argc - 2], argv[argc - 1]);
  } catch (const InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
