// Says what one accelerator can do. Plain figures with their sources in platforms/devices/*.yaml;
// cluster/device_model.hpp turns a kernel into seconds with them.
#pragma once

#include <string>

namespace moesim {

// Rates are dense (no sparsity) and per device.
struct Device {
  std::string name;
  std::string generation;  // of the architecture: "hopper", "blackwell-ultra", ...; "": unknown
  double peak_bf16_flops = 0;
  double peak_fp8_flops = 0;  // 0: not supported
  double peak_fp4_flops = 0;  // 0: not supported
  int sms = 0;                // streaming multiprocessors or compute units
  double memory_bytes = 0;
  double memory_bytes_per_s = 0;
  double power_w = 0;        // limit of the whole device
  double context_bytes = 0;  // device memory of the driver's context and of loaded kernels

  // Work costs this much energy: cluster/device_power.hpp. 0: no limit is ever reached.
  double static_power_w = 0;  // drawn whatever runs
  double bf16_pj_per_flop = 0, fp8_pj_per_flop = 0, fp4_pj_per_flop = 0;
  double memory_pj_per_byte = 0;
  double power_reserve_j = 0;  // beyond the limit, that a rested chip may spend before it slows

  // Constants of the cost model, fitted to measured kernels (docs/model/device.md).
  double launch_s = 0;  // from one kernel's end to the next one's start in a stream kept full
  // Host time to issue one kernel; binds when kernels are shorter than this (no CUDA graph). It is
  // the software's as much as the machine's, so that framework profiles set it.
  double host_launch_s = 0;
  // A benchmark timed from the host contains this beyond a kernel and launch_s (tables of measured
  // kernels only).
  double host_timing_s = 0;
  // Least time of one call in such a benchmark: what issuing it costs the host.
  double host_call_s = 0, host_attention_call_s = 0;
  double gemm_overhead_s = 0;  // ramp up and drain of a GEMM or attention kernel
  double gemm_efficiency =
      0;  // fraction of peak that one SM sustains in the main loop of a tile_m x tile_n tile
  double grouped_gemm_efficiency = 0;  // same, in a grouped GEMM of one kernel
  double fp8_efficiency = 0;           // same as gemm_efficiency, in FP8 and FP4
  double vector_scaling_efficiency =
      1;  // of that, weight gradients of block-wise FP8 (both operands scaled along k)
  double sustained_efficiency =
      0;  // fraction of peak that GEMMs of any shape reach for a moment, before power binds
  int tile_m = 128,
      tile_n = 256;  // output tile of the large-GEMM kernels; smaller ones are derived from it
  double gemm_half_k =
      0;  // prologue + epilogue of a tile, as the k that a BF16 main loop covers in the same time
  double tile_half_width =
      0;  // tile width at which loading operands doubles the time of the main loop
  double attention_efficiency = 0;  // forward, for long sequences and wide heads
  double attention_backward_efficiency = 0;
  double attention_half_length =
      0;  // keys per query at which a tile's fixed cost halves the efficiency
  double attention_half_dim =
      0;  // qk_dim + v_dim at which softmax takes as long as the two products
  // The same in kernels with query and key heads wider than 128 (MLA), whose tiles are smaller.
  double attention_wide_efficiency = 1, attention_wide_backward_efficiency = 1;
  // Smallest and largest kernels that the constants were fitted on or held against; most = 0: none
  // was measured.
  double gemm_fitted_least_flops = 0, gemm_fitted_most_flops = 0;
  double attention_fitted_least_flops = 0, attention_fitted_most_flops = 0;
  // Speed of kernels inside a training step against the same kernels in a benchmark loop: clocks
  // under the power limit, caches that other kernels have filled. Applies to whole runs of kernels,
  // not in kernel_seconds.
  double step_efficiency = 1;
  double memory_efficiency = 0;  // fraction of memory_bytes_per_s that streaming kernels sustain
  double memory_half_bytes = 0;  // bytes at which a streaming kernel reaches half of that
};

}  // namespace moesim
