// Where named descriptions are found: NAME of a workload is workloads/NAME.yaml in the first data
// directory that has it.
#pragma once

#include <string>
#include <vector>

#include "config/files.hpp"

namespace moesim {

// Directories that hold platforms/, workloads/, ..., tried in order.
struct SearchPath {
  std::vector<std::string> directories;
};

// $MOESIM_DATA, the scenario's own directory, ../share/moesim beside the executable, and the
// nearest parent of the executable that holds platforms/ and workloads/ (a build in the source
// tree).
SearchPath default_search_path(const std::string& scenario_directory);

enum class SectionKind { scenario, workload, platform, device, plan, routing, batch, framework };

const char* section_name(SectionKind kind);
// Folder of the kind's presets inside a data directory, e.g. "platforms/devices".
const char* preset_folder(SectionKind kind);

// Names of the presets of a kind, sorted, each once.
std::vector<std::string> list_presets(SectionKind kind, const SearchPath& search,
                                      const Files& files = disk_files());

struct PresetFile {
  std::string path;   // to open
  std::string label;  // to show in origins: short where it lies in a data directory
  std::string error;  // why there is none
};

// `name` is a preset's name, or a file relative to `directory` when it holds a slash or ends in
// .yaml, .yml or .json.
PresetFile find_preset(const std::string& name, SectionKind kind, const std::string& directory,
                       const SearchPath& search, const Files& files);

}  // namespace moesim
