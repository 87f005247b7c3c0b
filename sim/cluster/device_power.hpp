// How fast a device runs for seconds on end. Every kernel spends energy, so much per FLOP by
// precision and so much per byte of device memory; what the device's power limit leaves beside its
// static draw pays for it. A short burst may spend more than that; work that lasts may not, and the
// chip lowers its clock until it does not. Takes kernels and seconds at the boost clock; knows
// nothing of streams or of what the device does in between.
#pragma once

#include <span>

#include "cluster/device.hpp"
#include "model/kernel.hpp"

namespace moesim {

// Returns the joules of a kernel beyond the static draw; 0 where the device has no energy figures.
double kernel_joules(const Device& device, const Kernel& kernel, std::span<const int> rows = {});

// Returns how long work takes that takes `seconds` at the boost clock and spends `joules`, of which
// `reserve_j` may be overdrawn: no less than `seconds`, nor than the power limit lets it be spent.
// Time in which nothing runs counts in `seconds`, so that idle time pays for bursts.
double power_limited_s(const Device& device, double seconds, double joules, double reserve_j = 0);

// Returns the seconds of a kernel, the mean of `in_a_row` like it from a chip that has its whole
// reserve; 0: of so many that no reserve lasts.
double sustained_seconds(const Device& device, const Kernel& kernel, std::span<const int> rows = {},
                         int in_a_row = 0);

}  // namespace moesim
