// Constants of a device and its fabric from a user's own microbenchmarks: the tables of
// docs/formats/tables.md in, a platform file with a `base` out. Each group of constants is fitted
// to the rows that can tell it; what no row tells stays as the base has it.
#pragma once

#include <string>
#include <vector>

#include "cluster/pod.hpp"
#include "measured/collective_table.hpp"
#include "measured/kernel_table.hpp"

namespace moesim {

struct FittedConstant {
  std::string key;  // as in a platform file: "device.gemm_efficiency", "nic_efficiency"
  double before = 0, after = 0;
  std::string unit;       // "" or "s" or "B"
  std::string meaning;    // what the constant is, for the file
  std::string rows;       // what it was fitted on, and how well
  bool at_bound = false;  // of what is tried: the rows ask for more than the constant can give
};

struct CalibrationClass {
  std::string name;
  Residual before, after;
};

struct Calibration {
  Pod pod;
  std::vector<FittedConstant> constants;
  std::vector<CalibrationClass> classes;
  std::vector<std::string>
      left_out;  // groups of constants with too few rows, and rows that tell none
};

// From tables that name several devices or platforms it uses the rows of `base`, from others all,
// whatever they are called; kernels whose `fit` is no or warm are not. Throws InputError where the
// tables name several and not that of `base`.
Calibration calibrate(const Pod& base, const std::vector<MeasuredKernel>& kernels,
                      const std::vector<MeasuredCollective>& collectives);

std::string calibration_table(const Calibration& calibration);
// `base`: the preset that the file builds on; `tables`: where the measurements came from.
std::string calibration_yaml(const Calibration& calibration, const std::string& base,
                             const std::vector<std::string>& tables);

}  // namespace moesim
