#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "config/scenario.hpp"
#include "model/layer_ops.hpp"
#include "model/parameters.hpp"

namespace moesim {

namespace {

void list_workloads(const SearchPath& search) {
  constexpr int64_t kSequence = 4096;  // tokens
  fmt::print("{:<24} {:>9} {:>9} {:>7} {:>8} {:>6} {:>11}\n", "workload", "total", "active",
             "layers", "experts", "top-k", "GFLOP/token");
  for (const std::string& name : list_presets(SectionKind::workload, search)) {
    const ModelShape shape = load_workload(name, {}, search);
    const double flops = model_flops(shape, 1, kSequence) / kSequence;
    fmt::print("{:<24} {:>8.1f}B {:>8.1f}B {:>7} {:>8} {:>6} {:>11.1f}\n", name,
               total_parameters(shape) / 1e9, active_parameters(shape) / 1e9, shape.layers,
               shape.experts, shape.top_k, flops / 1e9);
  }
  fmt::print("FLOPs of a token in a sequence of {}, forward and backward\n", kSequence);
}

void list_platforms(const SearchPath& search) {
  fmt::print("{:<24} {:>10} {:>9} {:>10} {:>10} {:>9}\n", "platform", "BF16 TF", "HBM GB", "NVLink",
             "NIC GB/s", "per node");
  for (const std::string& name : list_presets(SectionKind::platform, search)) {
    if (is_wafer_platform(name, search)) continue;
    const Pod pod = load_pod(name, {"gpus=1"}, search);
    fmt::print("{:<24} {:>10.0f} {:>9.0f} {:>10.0f} {:>10.0f} {:>9}\n", name,
               pod.device.peak_bf16_flops / 1e12, pod.device.memory_bytes / 1e9,
               pod.nvlink_bytes_per_s / 1e9, pod.nic_bytes_per_s / 1e9, pod.gpus_per_node);
  }
  fmt::print("\n{:<24} {:>10} {:>9} {:>10} {:>10} {:>9}\n", "wafer system", "FP16 TF", "SRAM GB",
             "I/O GB/s", "MemoryX TB", "cores");
  for (const std::string& name : list_presets(SectionKind::platform, search)) {
    if (!is_wafer_platform(name, search)) continue;
    const WaferSystem system = load_platform(name, {}, search).wafers();
    fmt::print("{:<24} {:>10.0f} {:>9.0f} {:>10.0f} {:>10.0f} {:>9.0f}\n", name,
               system.wafer.peak_flops() / 1e12, system.wafer.sram_bytes / 1e9,
               system.wafer.io_bytes_per_s / 1e9, system.memoryx.capacity_bytes / 1e12,
               system.wafer.cores());
  }
}

void list_frameworks(const SearchPath& search) {
  fmt::print("{:<24} {:<24} {:>5}  {}\n", "framework", "base", "rules", "title");
  for (const std::string& name : list_presets(SectionKind::framework, search)) {
    const FrameworkProfile profile = load_framework(name, search);
    fmt::print("{:<24} {:<24} {:>5}  {}\n", name,
               profile.bases.empty() ? "-" : profile.bases.front(), profile.own_rules,
               profile.title);
  }
}

void list_scenarios(const SearchPath& search) {
  fmt::print("{:<34} {:<24} {:<18} {:>7}\n", "scenario", "workload", "platform", "devices");
  for (const std::string& name : list_presets(SectionKind::scenario, search)) {
    const Scenario scenario = load_unchecked_scenario(name, {}, search).scenario;
    const Platform& platform = scenario.platform;
    const int devices =
        platform.is_wafer_system() ? platform.wafers().systems : platform.pod().gpus;
    fmt::print("{:<34} {:<24} {:<18} {:>7}\n", name, scenario.workload.name, platform.name(),
               devices);
  }
}

}  // namespace

void add_list_command(CLI::App& app, int& exit_code) {
  auto kind = std::make_shared<std::string>("all");
  auto* command = app.add_subcommand("list",
                                     "Lists what comes with the program: workloads, platforms, "
                                     "frameworks and scenarios");
  command->add_option("kind", *kind, "workloads, platforms, frameworks, scenarios or all")
      ->check(CLI::IsMember({"workloads", "platforms", "frameworks", "scenarios", "all"}));
  command->callback([kind, &exit_code] {
    const SearchPath search = default_search_path(".");
    const bool all = *kind == "all";
    if (all || *kind == "workloads") list_workloads(search);
    if (all) fmt::print("\n");
    if (all || *kind == "platforms") list_platforms(search);
    if (all) fmt::print("\n");
    if (all || *kind == "frameworks") list_frameworks(search);
    if (all) fmt::print("\n");
    if (all || *kind == "scenarios") list_scenarios(search);
    exit_code = kDone;
  });
}

}  // namespace moesim
