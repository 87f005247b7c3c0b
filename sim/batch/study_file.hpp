// Reads a study: a base scenario and a grid over any of its keys, or a list of settings.
#pragma once

#include <string>

#include "base/files.hpp"
#include "batch/sweep.hpp"

namespace moesim {

// YAML keys: base (path, relative to the study's file), title, grid {key.path: [values...]}, list
// [{key.path: value}]. Throws InputError with every problem.
Study load_study(const std::string& path, const Files& files = disk_files());

// Whether a YAML file is a study rather than a scenario: it has a grid or a list. False for what
// cannot be read.
bool is_study(const std::string& path);

}  // namespace moesim
