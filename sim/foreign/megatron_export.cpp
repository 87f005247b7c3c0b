#include "foreign/megatron_export.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/diagnostics.hpp"
#include "config/visit.hpp"
#include "foreign/imported_scenario.hpp"
#include "foreign/megatron_arguments.hpp"
#include "foreign/megatron_import.hpp"

namespace moesim {
namespace {

constexpr const char* kFile = "launch.sh";
// Carried keys may change what a framework's profile fills in, which are then carried too.
constexpr int kMostRounds = 8;

KeyTable table_of(const Scenario& scenario) {
  KeyTable table;
  table.collect(scenario);
  return table;
}

std::string script_text(const ResolvedScenario& resolved, const std::vector<ArgumentGroup>& groups,
                        const std::vector<LaunchKey>& carried) {
  const Scenario& scenario = resolved.scenario;
  const Pod& pod = scenario.platform.pod();
  const int per_node = std::min(pod.gpus, std::min(pod.gpus_per_node, 8));
  const int node = pod.gpus % per_node == 0 ? per_node : 1;
  std::string text = "#!/bin/bash\n";
  text += fmt::format("# {} as a launch of Megatron-LM, by moesim export.\n", scenario.name);
  if (!carried.empty()) text += "# What no argument says; moesim import reads it back:\n";
  for (const LaunchKey& key : carried) text += fmt::format("#moesim {}={}\n", key.key, key.value);
  text += fmt::format("\nGPUS_PER_NODE={}\nNNODES=${{NNODES:-{}}}\n", node, pod.gpus / node);
  for (const ArgumentGroup& group : groups) {
    text += fmt::format("\n{}=(\n", group.name);
    for (const std::string& argument : group.arguments) text += "  " + argument + "\n";
    text += ")\n";
  }
  text += "\n# What to train on, and for how long, is the reader's to say.\n";
  text += "DATA_ARGS=(--mock-data --split 99,1,0 --train-iters 20 --lr 1e-4 --log-interval 1)\n";
  text +=
      "\ntorchrun --nproc_per_node $GPUS_PER_NODE --nnodes $NNODES \\\n"
      "  --node_rank ${NODE_RANK:-0} --master_addr ${MASTER_ADDR:-localhost} "
      "--master_port ${MASTER_PORT:-6000} \\\n  pretrain_gpt.py";
  for (const ArgumentGroup& group : groups) text += fmt::format(" ${{{}[@]}}", group.name);
  return text + " ${DATA_ARGS[@]}\n";
}

// The scenario that the script is read back to.
Scenario read_back(const std::string& script, const SearchPath& search, const Files& files) {
  MegatronImport input;
  input.launch.path = kFile;
  const MemoryFiles with_script({{kFile, script}}, &files);
  const ImportedScenario imported = import_megatron(input, search, with_script);
  const MemoryFiles with_scenario({{"launch.yaml", scenario_file(imported)}}, &files);
  return load_unchecked_scenario("launch.yaml", {}, search, with_scenario).scenario;
}

// Adds to `carried` what the keys of the script are not; false where all are as they should be.
bool carry_differences(const KeyTable& wanted, const KeyTable& got,
                       std::vector<LaunchKey>& carried) {
  bool any = false;
  for (const auto& [key, entry] : wanted.entries()) {
    if (!is_imported_section(key.substr(0, key.find('.')))) continue;
    const KeyEntry* other = got.find(key);
    const std::string value = yaml_value(entry);
    if (other && yaml_value(*other) == value) continue;
    any = true;
    const auto known = std::find_if(carried.begin(), carried.end(),
                                    [&](const LaunchKey& k) { return k.key == key; });
    if (known == carried.end())
      carried.push_back({key, value, {}});
    else
      known->value = value;
  }
  return any;
}

}  // namespace

MegatronExport export_megatron(const ResolvedScenario& resolved, const SearchPath& search,
                               const Files& files) {
  const Scenario& scenario = resolved.scenario;
  if (scenario.platform.is_wafer_system())
    throw InputError(fmt::format("{}: Megatron-LM does not run on {}, a wafer system",
                                 resolved.file, scenario.platform.name()));
  const KeyTable wanted = table_of(scenario);
  const KeyTable plain = table_of(Scenario{});
  const auto groups = megatron_arguments(ScenarioKeys(wanted), ScenarioKeys(plain));
  MegatronExport out;
  const std::string platform = scenario.platform.name();
  const auto platforms = list_presets(SectionKind::platform, search, files);
  if (std::find(platforms.begin(), platforms.end(), platform) != platforms.end())
    out.carried.push_back({"platform.base", platform, {}});
  for (int round = 0; round < kMostRounds; ++round) {
    out.script = script_text(resolved, groups, out.carried);
    const KeyTable got = table_of(read_back(out.script, search, files));
    if (!carry_differences(wanted, got, out.carried)) return out;
  }
  throw InputError(fmt::format("{}: no launch is read back as this scenario: {} stays different",
                               resolved.file, out.carried.back().key));
}

}  // namespace moesim
