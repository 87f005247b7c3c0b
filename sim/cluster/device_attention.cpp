#include "cluster/device_attention.hpp"

#include <algorithm>
#include <cmath>

#include "cluster/device_model.hpp"

namespace moesim {

namespace {

// Rows of queries, and of keys, in one step of the fused kernels (FlashAttention-2 and -3, cuDNN:
// 64 to 192; 128 is the common choice at head width 128).
constexpr double tile_length = 128;

}  // namespace

double mean_keys(const Kernel& kernel) {
  const double keys = static_cast<double>(kernel.key_length),
               queries = static_cast<double>(kernel.query_length);
  const double window = kernel.window > 0 ? std::min<double>(kernel.window, keys) : keys;
  if (!kernel.causal) return window;
  // Queries are the last of the keys; query i sees min(window, first + i) keys.
  const double first = std::max(keys - queries, 0.0);
  const double ramp =
      std::clamp(window - first, 0.0, queries);  // queries that see fewer keys than the window
  const double ramp_mean = first + ramp / 2;
  return queries > 0 ? (ramp * ramp_mean + (queries - ramp) * window) / queries : 0;
}

double attention_flops(const Kernel& kernel) {
  const double pairs = static_cast<double>(kernel.sequences) * kernel.heads *
                       static_cast<double>(kernel.query_length) * mean_keys(kernel);
  return 2 * pairs * (kernel.qk_dim + kernel.v_dim) * (kernel.pass == Pass::forward ? 1 : 2.5);
}

double attention_math_s(const Device& device, const Kernel& kernel, double flops) {
  const bool forward = kernel.pass == Pass::forward;
  const double work = flops > 0 ? flops : attention_flops(kernel);
  const double keys = std::max(mean_keys(kernel), 1.0);
  // Tiles cut by the mask are computed whole: half a tile at the diagonal, half at the far edge of
  // a window.
  const bool window = kernel.window > 0 && kernel.window < kernel.key_length;
  const double masked = tile_length / 2 * ((kernel.causal ? 1 : 0) + (window ? 1 : 0));
  const double fixed = device.attention_half_length;
  const double length_cost = 1 + (masked + fixed) / keys;
  const double softmax_cost =
      1 + device.attention_half_dim / std::max(kernel.qk_dim + kernel.v_dim, 1);
  const double query_tiles = std::ceil(static_cast<double>(kernel.query_length) / tile_length);
  const double tiles = static_cast<double>(kernel.sequences) * kernel.heads * query_tiles;
  const double waves = tiles / device.sms;
  const double quantisation = waves > 0 ? std::ceil(waves) / waves : 1;
  const bool wide = kernel.qk_dim > 128;
  const double wide_share = !wide     ? 1
                            : forward ? device.attention_wide_efficiency
                                      : device.attention_wide_backward_efficiency;
  const double rate =
      peak_flops(device, kernel.precision) * wide_share *
      (forward ? device.attention_efficiency : device.attention_backward_efficiency);
  return work / rate * length_cost * softmax_cost * quantisation;
}

}  // namespace moesim
