// The quantities that `moesim explain` varies: what each is now, and the settings that scale it.
#pragma once

#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "metrics/explanation.hpp"

namespace moesim {

struct Knob {
  std::string name;                              // "nic bandwidth"
  std::string value;                             // as a person would write it
  std::vector<std::string> low_sets, high_sets;  // as --set takes them
  double low_ratio = 1, high_ratio = 1;  // of the value that they set; 0: known only after the run
};

struct Knobs {
  std::vector<Knob> varied;
  std::vector<NotVaried> not_varied;
};

// `change`: 0.1 for 10 % less and more. The knob "routing imbalance" moves overload factor - 1 by
// roughly that; its ratios are measured. The plan of a wafer system must be settled
// (explain/wafer_form.hpp); its tiles and batches are halved and doubled.
Knobs knobs_of(const Scenario& scenario, double change);

inline constexpr const char* kImbalance = "routing imbalance";

}  // namespace moesim
