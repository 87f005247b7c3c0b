// What one accelerator can do. Plain figures with their sources in platforms/devices/*.yaml; cluster/device_model.hpp
// turns a kernel into seconds with them.
#pragma once

#include <string>

namespace moesim {

// Rates are dense (no sparsity) and per device.
struct Device {
  std::string name;
  double peak_bf16_flops = 0;
  double peak_fp8_flops = 0;  // 0: not supported
  double peak_fp4_flops = 0;  // 0: not supported
  int sms = 0;                // streaming multiprocessors or compute units
  double memory_bytes = 0;
  double memory_bytes_per_s = 0;
  double power_w = 0;

  // Constants of the cost model, fitted to measured kernels (docs/MODEL.md, "Device model").
  double launch_s = 0;       // from one kernel's end to the next one's start in a stream kept full
  double host_launch_s = 0;  // host time to issue one kernel; binds when kernels are shorter than this (no CUDA graph)
  double gemm_overhead_s = 0;  // prologue + epilogue of a GEMM kernel
  double gemm_efficiency = 0;  // fraction of peak that full waves of tiles sustain
  double grouped_gemm_efficiency = 0;
  double fp8_efficiency = 0;        // same, in FP8 and FP4
  int tile_m = 128, tile_n = 256;   // output tile of the large-GEMM kernels
  double attention_efficiency = 0;  // forward, long sequences
  double attention_backward_efficiency = 0;
  double attention_half_length = 0;  // tokens at which the efficiency is half of that
  double memory_efficiency = 0;      // fraction of memory_bytes_per_s that streaming kernels sustain
  double memory_half_bytes = 0;      // bytes at which a streaming kernel reaches half of that
};

}  // namespace moesim
