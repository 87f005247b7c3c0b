#include "device_yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <sstream>

#include "base/diagnostics.hpp"

namespace moesim {

namespace {

const std::map<std::string, double>& units() {
  static const std::map<std::string, double> table = {
      {"", 1},      {"TFLOPS", 1e12}, {"PFLOPS", 1e15}, {"GB/s", 1e9}, {"TB/s", 1e12}, {"GB", 1e9},
      {"MB", 1e6},  {"KB", 1e3},      {"GiB", 0x1p30},  {"s", 1},      {"ms", 1e-3},   {"us", 1e-6},
      {"ns", 1e-9}, {"W", 1},         {"MiB", 0x1p20},  {"kW", 1e3},   {"B", 1},       {"KiB", 0x1p10},
  };
  return table;
}

double quantity(const std::string& key, const YAML::Node& node) {
  const YAML::Node value = node.IsMap() ? node["value"] : node;
  if (!value || !value.IsScalar()) throw InputError(fmt::format("{}: no value", key));
  std::istringstream stream(value.as<std::string>());
  double number = 0;
  std::string unit;
  stream >> number >> unit;
  const auto scale = units().find(unit);
  if (stream.bad() || scale == units().end()) throw InputError(fmt::format("{}: unknown unit '{}'", key, unit));
  return number * scale->second;
}

const std::map<std::string, double Device::*>& fields() {
  static const std::map<std::string, double Device::*> table = {
      {"peak_bf16_flops", &Device::peak_bf16_flops},
      {"peak_fp8_flops", &Device::peak_fp8_flops},
      {"peak_fp4_flops", &Device::peak_fp4_flops},
      {"memory_bytes", &Device::memory_bytes},
      {"memory_bytes_per_s", &Device::memory_bytes_per_s},
      {"power_w", &Device::power_w},
      {"launch_s", &Device::launch_s},
      {"host_launch_s", &Device::host_launch_s},
      {"gemm_overhead_s", &Device::gemm_overhead_s},
      {"gemm_efficiency", &Device::gemm_efficiency},
      {"grouped_gemm_efficiency", &Device::grouped_gemm_efficiency},
      {"fp8_efficiency", &Device::fp8_efficiency},
      {"sustained_efficiency", &Device::sustained_efficiency},
      {"gemm_half_k", &Device::gemm_half_k},
      {"tile_half_width", &Device::tile_half_width},
      {"attention_efficiency", &Device::attention_efficiency},
      {"attention_backward_efficiency", &Device::attention_backward_efficiency},
      {"attention_half_length", &Device::attention_half_length},
      {"attention_half_dim", &Device::attention_half_dim},
      {"memory_efficiency", &Device::memory_efficiency},
      {"memory_half_bytes", &Device::memory_half_bytes},
  };
  return table;
}

}  // namespace

Device read_device(const std::string& file) {
  Device device;
  try {
    for (const auto& entry : YAML::LoadFile(file)) {
      const auto key = entry.first.as<std::string>();
      if (const auto field = fields().find(key); field != fields().end()) {
        device.*field->second = quantity(key, entry.second);
      } else if (key == "name") {
        device.name = entry.second.as<std::string>();
      } else if (key == "sms" || key == "tile_m" || key == "tile_n") {
        (key == "sms"      ? device.sms
         : key == "tile_m" ? device.tile_m
                           : device.tile_n) = static_cast<int>(quantity(key, entry.second));
      } else {
        throw InputError(fmt::format("{}: unknown key {}", file, key));
      }
    }
  } catch (const YAML::Exception& error) {
    throw InputError(fmt::format("{}: {}", file, error.what()));
  }
  return device;
}

}  // namespace moesim
