// One kernel as a line of a table: its shape in words, and whether kernels like it were measured on
// this device. Knows nothing of times.
#pragma once

#include <span>

#include "cluster/device.hpp"
#include "graph/program.hpp"
#include "model/kernel.hpp"

namespace moesim {

// `rows`: of each local expert, as in kernel_seconds. `op`: index into Program::op_names.
KernelUse kernel_use(const Device& device, const Kernel& kernel, std::span<const int> rows,
                     uint8_t op);

}  // namespace moesim
