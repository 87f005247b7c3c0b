// A scenario that was made from the file of another program: its keys, each with what gave it, and
// what the other file says beyond them. Knows nothing of either format but how to write YAML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct ImportedKey {
  std::string key;    // dotted
  std::string value;  // as YAML
  std::string from;   // what gave it: "--num-layers 94, line 19"
};

struct ImportedScenario {
  std::string name;   // of the scenario
  std::string title;  // "from launch.sh, by moesim import megatron"
  std::vector<ImportedKey> keys;
  std::vector<std::string> assumed;       // what the file leaves open, and what was taken
  std::vector<std::string> not_modelled;  // shapes the time of a step, and is left out
  std::vector<std::string> unknown;       // nobody knows what it does
  std::vector<std::string> no_effect;     // on the time of a step
  std::vector<std::string> notes;         // about reading the file
  int shaping = 0, mapped = 0;  // arguments that shape time, and how many of them gave keys

  // A key that is stated again keeps its place and takes the new value.
  void state(std::string_view key, std::string_view value, std::string_view from);
  void state_text(std::string_view key, std::string_view text, std::string_view from);
  void drop(std::string_view key);
  const ImportedKey* find(std::string_view key) const;
  // The value of a key that is a whole number; `otherwise` where it is not stated.
  long long integer(std::string_view key, long long otherwise) const;
};

// Whether a scenario file that is made here has such a section.
bool is_imported_section(std::string_view name);
// A scenario file: sections in their order, every key with a comment that says what gave it, and
// what is not in it as comments.
std::string scenario_file(const ImportedScenario& imported);
// The same as a report for a terminal: what to know before believing a simulation of it.
std::string import_report(const ImportedScenario& imported);

}  // namespace moesim
