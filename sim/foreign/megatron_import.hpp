// The launch of a Megatron-LM training run -> a scenario. What each argument means is in
// scenarios/imports/megatron.yaml; how several shape one key is in the megatron_*.cpp beside this.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "config/presets.hpp"
#include "foreign/imported_scenario.hpp"
#include "foreign/launch.hpp"

namespace moesim {

struct MegatronImport {
  LaunchInput launch;
  std::string platform;                     // empty: kAssumedPlatform, which the result says
  std::string framework = "megatron-core";  // the profile that the scenario names
  int gpus = 0;  // 0: what the launch says, else the fewest that hold its mapping
};

inline constexpr const char* kAssumedPlatform = "h100-sxm";

// Throws InputError with every argument whose value is not known or makes no sense.
ImportedScenario import_megatron(const MegatronImport& input, const SearchPath& search,
                                 const Files& files = disk_files());

}  // namespace moesim
