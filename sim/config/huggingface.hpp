// HuggingFace config.json -> the keys of a workload. The result keeps the places of the JSON
// values, so that the strict reader reports a bad number where it stands. A config is read by what
// its `model_type` means (config/hf_families.hpp); a type that is not known there, and a key that
// may shape the model and was not read, are problems that name it.
#pragma once

#include <string>

#include "base/diagnostics.hpp"
#include "config/tree.hpp"

namespace moesim {

// A map with `model_type`, `architectures`, or a nested config that has one.
bool is_huggingface(const YamlNode& node);

// `like`: the model_type to read an unknown one as; empty: none. A needed key that is missing is
// reported with all its synonyms under `path`.
YamlNode from_huggingface(const YamlNode& config, const std::string& path, const std::string& like,
                          Problems& problems);

}  // namespace moesim
