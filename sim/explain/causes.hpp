// The simulation knows causes that the closed-form model does not: overlap, contention,
// imbalance, faults. Each can be switched off, and the step be simulated with any of them on; what
// each adds is the mean over all orders of switching them on (the Shapley value), so that no order
// is preferred and the parts sum to the whole.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/scenario.hpp"

namespace moesim {

struct Cause {
  std::string name;
  // Settings that take it away, as --set takes them; empty: it is not there anyway.
  std::vector<std::string> off;
  std::string described;  // the same for a reader
};

std::vector<Cause> causes_of(const Scenario& scenario);

// `step_s[mask]`: with exactly those causes on whose bit is set; 2^causes of them.
std::vector<double> shapley_values(std::span<const double> step_s, int causes);

}  // namespace moesim
