// One tree out of many files: presets by name, files, `base` chains, overrides and --set. Knows
// which keys are sections, but not what is in them.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "config/presets.hpp"
#include "config/tree.hpp"

namespace moesim {

struct ResolveContext {
  const SearchPath& search;
  const Files& files;
  Problems& problems;
  std::string like = {};  // model_type to read a HuggingFace config of an unknown one as
};

// The section of that kind which `name` (preset or file, relative to `directory`) holds, all its
// bases merged.
YamlNode resolve_named(const ResolveContext& context, const std::string& name, SectionKind kind,
                       const std::string& directory);

// The file at `path` as a section of that kind, all its bases merged.
YamlNode resolve_file(const ResolveContext& context, const std::string& path, SectionKind kind);

// `root` with KEY.PATH=VALUE texts laid over it in order; names and files in them are relative to
// the working directory.
YamlNode apply_sets(const ResolveContext& context, YamlNode root, SectionKind kind,
                    const std::vector<std::string>& sets);

}  // namespace moesim
