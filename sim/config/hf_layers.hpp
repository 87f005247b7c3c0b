// How the layers of a HuggingFace config follow one another: which mixer, and what after it.
#pragma once

#include "config/hf_config.hpp"
#include "config/hf_families.hpp"

namespace moesim {

// Puts the keys of a workload that say so: periods where they suffice, lists otherwise. `experts`:
// whether the model has any. May change the number of layers, where a family counts otherwise.
void put_layers(HfConfig& hf, const HfTraits& traits, bool experts);

}  // namespace moesim
