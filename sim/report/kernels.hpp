// Tables of the kernels of a step, for `moesim run --ops`.
#pragma once

#include <string>
#include <vector>

#include "metrics/kernel_rows.hpp"

namespace moesim {

// Returns the rows that take at least a thousandth of the step, and a line for the rest.
std::string kernel_rows_table(const std::vector<KernelRow>& rows, double step_s);
std::string kernel_rows_json(const std::vector<KernelRow>& rows);

// Returns one sentence about kernels unlike any that were measured, where they take more than a
// twentieth of the step; "" where they do not.
std::string unmeasured_kernels(const std::vector<KernelRow>& rows, double step_s);

}  // namespace moesim
