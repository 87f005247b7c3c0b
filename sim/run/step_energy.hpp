// The energy that the devices spend in one step: what they draw whatever runs, and the joules of
// the kernels that ran. Hosts, NICs and switches are left out: nothing is known of them here.
#pragma once

#include "config/platform.hpp"
#include "graph/program.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// Joules of the kernels of a step beyond the static draw, of the mean simulated device; 0: the
// device has no energy figures.
double kernel_joules_of(const Program& program);

// Returns what a device draws while it waits. A device of which only its limit is known counts with
// that.
double idle_power_w(const Platform& platform);

// Fills energy_j and power_w; the step time, the breakdown and the devices have to be there. Where
// only the power limit of a device is known, it draws that for the whole step: an upper bound.
void fill_energy(StepReport& report, const Platform& platform, const Program& program);

}  // namespace moesim
