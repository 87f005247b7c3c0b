// The weight-streaming step as textbooks add it up: every wafer's products, the weights that have
// to be streamed past them, and what nothing can hide at both ends. Streams are taken to hide
// behind compute as far as their sum allows, as with an endless prefetch window; what a real window
// costs is for the simulation to say.
#pragma once

#include <cstdint>
#include <vector>

#include "config/scenario.hpp"
#include "metrics/explanation.hpp"

namespace moesim {

// The scenario's platform must be a wafer system, its attention tiles and batch stated. In the
// order of reading; terms that are not there are left out.
std::vector<MathTerm> wafer_closed_form(const Scenario& scenario);

// Settings that state what the plan of a wafer system leaves open (attention tiles and batch, the
// batch, where activations go), so that runs that change something else keep them. Throws what
// lowering throws.
std::vector<std::string> settled_wafer_plan(const Scenario& scenario, uint64_t seed);

}  // namespace moesim
