// Which mixer each layer of a HuggingFace config has, by the rule of its family.
#pragma once

#include <vector>

#include "config/hf_config.hpp"
#include "config/hf_families.hpp"
#include "model/shape.hpp"

namespace moesim {

using Mixers = std::vector<Mixer>;

// One entry a layer, prediction layers included where the config lists them; empty: attention in
// all, or a problem that was reported.
Mixers mixers_of(HfConfig& hf, const HfTraits& traits);

// Whether a list has an entry for each layer; a problem where not.
bool covers(HfConfig& hf, const YamlNode& list, const char* key);

}  // namespace moesim
