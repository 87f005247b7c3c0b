// Seconds that a wafer takes for a kernel of the model arithmetic. Activations [tokens x features]
// lie over the core grid, features over columns and tokens over rows. A weight is sent to its
// column, where every core multiplies it with its tokens of that feature: a fixed cost to issue it,
// and work in proportion to the tokens that a core holds.
#pragma once

#include <span>

#include "model/kernel.hpp"
#include "wafer/system.hpp"

namespace moesim {

// Columns take their share of the weights side by side:
//   weights / (columns x clock) x (weight_issue_cycles + ceil(tokens / rows) / (macs_per_cycle x
//   gemm_efficiency))
double weight_seconds(const Wafer& wafer, double weights, double tokens);

// `rows`: tokens of each group of a grouped GEMM; groups without any are skipped. Kernels of
// unknown rows (casts, activations of experts) count their sum.
double wafer_kernel_seconds(const Wafer& wafer, const Kernel& kernel,
                            std::span<const int> rows = {});

}  // namespace moesim
