// A scenario -> a launch script of Megatron-LM: the other way of foreign/megatron_import.hpp, which
// reads the script back to the same scenario.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "config/scenario.hpp"
#include "foreign/launch.hpp"

namespace moesim {

struct MegatronExport {
  std::string script;
  // These no argument says: they stand in lines "#moesim KEY=VALUE" of the script.
  std::vector<LaunchKey> carried;
};

// Throws InputError for a wafer system.
MegatronExport export_megatron(const ResolvedScenario& resolved, const SearchPath& search,
                               const Files& files = disk_files());

}  // namespace moesim
