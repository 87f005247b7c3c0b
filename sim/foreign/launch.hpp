// The arguments of a training run, as its launch script, argument file or YAML of arguments has
// them. Knows shells and YAML, but not what an argument means beyond its being known.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/files.hpp"

namespace moesim {

struct LaunchArgument {
  std::string name;                 // without dashes in front, "-" for "_"
  std::vector<std::string> values;  // may hold marks of unknown values (foreign/marked_text.hpp)
  Place place;

  std::string text() const;  // "--num-layers 94"
};

// "#moesim plan.schedule=dualpipe": a key of the scenario that a launch of our own export carries
// beside its arguments.
struct LaunchKey {
  std::string key, value;
  Place place;
};

struct Launch {
  std::string file;
  std::vector<LaunchKey> keys;
  std::vector<LaunchArgument> arguments;  // in their order; of two of a name the later counts
  std::string queues;                     // $CUDA_DEVICE_MAX_CONNECTIONS where the script sets it
  std::vector<std::string> notes;

  const LaunchArgument* find(std::string_view name) const;  // the last one; null without
  const LaunchKey* find_key(std::string_view key) const;    // null without
  bool has_section(std::string_view name) const;            // a key in it is stated
};

struct LaunchInput {
  std::string path;
  std::map<std::string, std::string> variables;  // win over those of the script
  std::vector<std::string> extra;                // arguments behind those of the file
};

// Takes the command that has the most known arguments. Throws InputError: no such file, a script
// that is none, no command with arguments that anybody knows.
Launch read_launch(const LaunchInput& input, const Files& files = disk_files());

}  // namespace moesim
