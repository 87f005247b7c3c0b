// Measured kernels (columns: docs/formats/tables.md) beside what the device model predicts for
// them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "cluster/device.hpp"
#include "model/kernel.hpp"

namespace moesim {

struct MeasuredKernel {
  std::string
      name;  // class of the residual table: gemm bf16, grouped_gemm fp8, attention_fwd bf16, ...
  std::string device;  // platforms/devices/NAME.yaml
  std::string implementation;
  Kernel kernel;             // with FLOPs and bytes; backward where `both_passes`
  std::vector<int> rows;     // of a grouped GEMM
  bool both_passes = false;  // forward and backward were timed together
  bool host_timed = false;   // timed from the host: contains what a stream would hide
  bool sustained = false;    // the mean of many in a row, so that the power limit may bind
  int in_a_row = 0;          // so many; 0: for seconds
  bool fitted = false;       // takes part in fits; the others are checks
  bool warm = false;         // operands came from the cache, unlike in a training step
  int sms = 0;               // 0: all
  double seconds = 0;
};

// Throws InputError with all problems.
std::vector<MeasuredKernel> read_kernel_table(const std::string& csv_file,
                                              const Files& files = disk_files());

// Device time alone where the measurement is, plus the device's host_timing_s where it was timed
// from the host.
double predicted_s(Device device, const MeasuredKernel& row);

struct Residual {
  int rows = 0;
  double median_percent = 0, p90_percent = 0;  // of |predicted / measured - 1|
  double bias_percent = 0;                     // median of predicted / measured - 1
};

Residual summarise(std::vector<double> signed_errors_percent);

// Per "device class" (only rows for which `keep` holds).
std::map<std::string, Residual> residuals(const std::vector<MeasuredKernel>& rows,
                                          const std::map<std::string, Device>& devices,
                                          const std::function<bool(const MeasuredKernel&)>& keep);

}  // namespace moesim
