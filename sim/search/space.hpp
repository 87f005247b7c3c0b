// The mappings that a search looks at: which sizes of parallelism, micro-batches and recomputation
// a model on a pod allows. Returns settings over a scenario; knows nothing of time or memory.
#pragma once

#include <string>
#include <vector>

#include "config/scenario.hpp"

namespace moesim {

// Says what a search may change; all else stays as the scenario has it.
struct FreeAxes {
  bool tp = true, cp = false, ep = true, etp = false, pp = true, vpp = true;
  bool micro_batch = true, recompute = true;
};
// "tp,pp,ep". Throws InputError on a word that is no axis.
FreeAxes parse_axes(const std::string& text);

// One mapping. `recompute_level` orders variants that differ in nothing else: a higher one computes
// more again and holds less.
struct Mapped {
  std::vector<std::string> sets;  // "plan.tp=2", ...
  std::string variant;            // what it shares with those that differ in recompute_level only
  int recompute_level = 0;
  double prior = 0;  // a guess of the step time in some unit: which to look at first
};

// Returns them with the smallest prior first. Sizes divide what they cut; other rules are the
// reader's to check.
std::vector<Mapped> mappings(const Scenario& base, const FreeAxes& free);

}  // namespace moesim
