// Framework profiles: what a training framework sets where a scenario says nothing
// (docs/formats/framework.md). A profile is a list of rules, each with the place where its values
// were read; it knows keys of a scenario and nothing else.
#pragma once

#include <string>
#include <vector>

#include "config/key_table.hpp"
#include "config/presets.hpp"
#include "config/resolve.hpp"

namespace moesim {

// The profile that a scenario without a framework takes, and that every profile without a base
// builds on; nothing is amiss where there is none.
inline constexpr const char* kDefaultFramework = "default";

// How a rule's values are known: the framework's code or paper says so, its published recipe does,
// measurements ask for it, or it is the framework's own default.
enum class Basis { stated, recipe, inferred, standard };
const char* spelling(Basis basis);

// A test of one key's value. The value must be one of `values` (a key that is a list: hold one of
// them), none of them, or in that order to the only one.
struct FrameworkCondition {
  enum class Test { equal, not_equal, less, at_most, more, at_least };
  std::string key;
  Test test = Test::equal;
  std::vector<KeyScalar> values;
  std::string text;  // as written: ">1", "[ampere, hopper]"

  bool holds(const KeyEntry& entry) const;
};

struct FrameworkSetting {
  std::string key;
  YamlNode node;                  // as written, its origin is the profile's file and line
  std::vector<KeyScalar> values;  // the same in the key's type
  std::string text;               // as written, in one line
};

struct FrameworkRule {
  std::vector<FrameworkSetting> settings;
  std::vector<FrameworkCondition> conditions;  // all must hold
  std::string source;
  Basis basis = Basis::stated;
  std::string origin;  // "scenarios/frameworks/NAME.yaml:7"
};

struct FrameworkProfile {
  std::string name, title;
  std::string file;                  // label of its own file
  std::vector<std::string> bases;    // nearest first
  std::vector<FrameworkRule> rules;  // of the bases and its own, in the order of application
  size_t own_rules = 0;              // the last ones
};

// A profile of that name, or of a release near it; see find_framework.
struct FoundFramework {
  PresetFile file;   // with an error when there is none
  std::string name;  // of the profile that was found
  std::string note;  // when it is another one's: which, and why; else empty
};

// `name` is a profile's name, a file as with other presets, or a name with the version of a release
// that has no profile. That takes the nearest earlier release, else the family's profile without a
// version, else the nearest later one. A family's name alone takes its latest release.
FoundFramework find_framework(const std::string& name, const std::string& directory,
                              const SearchPath& search, const Files& files = disk_files());

// Reads the profile in that file and its bases. Adds every problem of all of them.
FrameworkProfile read_framework(const ResolveContext& context, const PresetFile& file,
                                const std::string& name);
// The same by name; throws InputError.
FrameworkProfile load_framework(const std::string& name, const SearchPath& search,
                                const Files& files = disk_files());

// A value that a profile gave.
struct FrameworkValue {
  std::string key, text, origin, source;
  Basis basis = Basis::stated;
  // "plan.gradient_bytes = 2 (recipe: where it was read)"
  std::string sentence() const;
};

struct AppliedFramework {
  std::string name;     // as the scenario has it; empty: `default`
  std::string profile;  // that was read
  std::string note;     // of find_framework
  std::vector<FrameworkValue> values;
};

// Lays the profile that plan.framework names (kDefaultFramework without a name) under what the
// scenario in `root` states, and over its presets of workloads, platforms and devices. Rules are
// applied in order; each sees the values that those before it left, defaults included.
AppliedFramework apply_framework(const ResolveContext& context, YamlNode& root);

}  // namespace moesim
