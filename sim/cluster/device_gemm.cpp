#include "cluster/device_gemm.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "cluster/device_model.hpp"

namespace moesim {

namespace {

struct Tile {
  int m = 0, n = 0;
  double area() const { return static_cast<double>(m) * n; }
};

// Says what one SM sustains, and what a tile costs on it.
struct TileCost {
  double seconds_per_k_per_area = 0;  // main loop, at zero operand cost
  double fixed_k = 0;                 // prologue + epilogue, as k of this precision
  double half_width = 0;

  // The main loop also loads m + n operand elements per k, which `half_width` weighs against the m
  // * n products, as if each took 1 + half_width * (1/m + 1/n); prologue and epilogue move with the
  // area alone.
  double seconds(Tile tile, double k) const {
    return seconds_per_k_per_area *
           (tile.area() * (k + fixed_k) + half_width * (tile.m + tile.n) * k);
  }
};

// std::ceil is a library call on baseline x86-64, and this is the inner loop of the inner loop.
double round_up(double positive) {
  const double down = static_cast<double>(static_cast<int64_t>(positive));
  return down + (positive > down ? 1 : 0);
}

TileCost tile_cost(const Device& device, const Kernel& kernel, bool grouped) {
  const double ratio = grouped ? device.grouped_gemm_efficiency / device.gemm_efficiency : 1;
  const double bf16 = device.gemm_efficiency * ratio * device.peak_bf16_flops;
  const double scaling = kernel.vector_scaled ? device.vector_scaling_efficiency : 1;
  const double rate =
      kernel.precision == Precision::bf16
          ? bf16
          : device.fp8_efficiency * ratio * scaling * peak_flops(device, kernel.precision);
  // Efficiencies are quoted for the large tile, operand loads included.
  const double large_edges =
      1 + device.tile_half_width * (1.0 / device.tile_m + 1.0 / device.tile_n);
  TileCost cost;
  cost.seconds_per_k_per_area = 2.0 * device.sms / (rate * large_edges);
  cost.fixed_k = device.gemm_half_k * large_edges * rate / bf16;
  cost.half_width = device.tile_half_width;
  return cost;
}

double tiles_along(double length, int tile) { return round_up(length / tile); }

// The large tile, both ways round, and what remains when it is cut.
std::array<Tile, 10> dense_tiles(const Device& device) {
  const int m = device.tile_m, n = device.tile_n;
  return {{{m, n},
           {n, m},
           {m, n * 3 / 4},
           {n * 3 / 4, m},
           {m, n / 2},
           {n / 2, m},
           {m / 2, n},
           {m / 2, n / 2},
           {n / 2, m / 2},
           {m / 2, n / 4}}};
}

}  // namespace

namespace {

double one_gemm_s(const Device& device, const TileCost& cost, double m, double n, double k) {
  double best = std::numeric_limits<double>::infinity();
  for (const Tile tile : dense_tiles(device)) {
    const double tiles = tiles_along(m, tile.m) * tiles_along(n, tile.n);
    for (int split = 1; split <= 8; split *= 2) {
      const double waves = round_up(tiles * split / device.sms);
      // The partial sums of a split (fp32) are written and read back once each.
      const double reduction = split == 1 ? 0 : split * m * n * 8 / device.memory_bytes_per_s;
      best = std::min(best, waves * cost.seconds(tile, k / split) + reduction);
      if (tiles >= 8 * device.sms) break;  // splitting has nothing left to fill
    }
  }
  return best;
}

}  // namespace

double gemm_math_s(const Device& device, const Kernel& kernel) {
  return one_gemm_s(device, tile_cost(device, kernel, false), kernel.m, kernel.n, kernel.k);
}

namespace {

// GEMMs of the groups one after another: streams beside each other hardly help, since every GEMM
// takes what SMs it can fill. The height of every tile divides kRowStep rows, so that
// groups which round up to the same take the same time.
double one_by_one_s(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  const TileCost cost = tile_cost(device, kernel, false);
  if (kernel.rows_are_k) {
    // The reduction lengthens a tile and changes nothing else: the mean group stands for all.
    double sum = 0, busy = 0;
    for (const int count : rows) sum += count, busy += count > 0;
    const double m = kernel.m > 0 ? kernel.m : kernel.k;
    return busy > 0 ? busy * one_gemm_s(device, cost, m, kernel.n, sum / busy) : 0;
  }
  const int step = std::max(1, device.tile_m / 2);
  std::array<double, 512> known{};
  double seconds = 0;
  for (const int count : rows) {
    if (count <= 0) continue;
    const int steps = (count + step - 1) / step;
    const auto price = [&] {
      return one_gemm_s(device, cost, static_cast<double>(steps) * step, kernel.n, kernel.k);
    };
    if (steps >= static_cast<int>(known.size())) {
      seconds += price();
      continue;
    }
    double& found = known[static_cast<size_t>(steps)];
    if (found == 0) found = price();
    seconds += found;
  }
  return seconds;
}

struct RowTiles {
  // Tiles along the rows, summed over groups, for tiles of height 256, 128 and 64 (tile_m * 2, * 1,
  // / 2 in general).
  std::array<int64_t, 3> tiles{};
};

RowTiles count_row_tiles(std::span<const int> rows, int tile_m) {
  RowTiles counts;
  const int shift = std::countr_zero(static_cast<unsigned>(tile_m));
  for (const int count : rows) {
    counts.tiles[0] += (count + 2 * tile_m - 1) >> (shift + 1);
    counts.tiles[1] += (count + tile_m - 1) >> shift;
    counts.tiles[2] += (count + tile_m / 2 - 1) >> (shift - 1);
  }
  return counts;
}

// Weight gradients: every group has the same output, the rows are the k of its tiles. One
// persistent kernel deals the tiles out, so waves hold the mean tile, but no step is shorter than
// the longest one.
double weight_gradient_s(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  const TileCost cost = tile_cost(device, kernel, true);
  const double m = kernel.m > 0 ? kernel.m : kernel.k, n = kernel.n;
  double sum = 0, longest = 0;
  for (const int count : rows) {
    sum += count;
    longest = std::max(longest, static_cast<double>(count));
  }
  const double groups = static_cast<double>(rows.size());
  double best = std::numeric_limits<double>::infinity();
  for (const Tile tile : dense_tiles(device)) {
    const double tiles = tiles_along(m, tile.m) * tiles_along(n, tile.n) * groups;
    const double waves = round_up(tiles / device.sms);
    best = std::min(
        best, std::max(waves * cost.seconds(tile, sum / groups), cost.seconds(tile, longest)));
  }
  return best;
}

double over_rows_s(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  const TileCost cost = tile_cost(device, kernel, true);
  const RowTiles counts = count_row_tiles(rows, device.tile_m);
  const std::array<int, 3> heights = {2 * device.tile_m, device.tile_m, device.tile_m / 2};
  const double n = kernel.n, k = kernel.k;
  double best = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < heights.size(); ++i) {
    for (int quarters = 4; quarters >= 1; --quarters) {
      const int width = device.tile_n * quarters / 4;
      if (i == 0 && quarters > 2) continue;  // no tile is larger than the large one
      const double tiles = static_cast<double>(counts.tiles[i]) * tiles_along(n, width);
      best = std::min(best, round_up(tiles / device.sms) * cost.seconds({heights[i], width}, k));
    }
  }
  return best;
}

}  // namespace

namespace {

double of_groups_s(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  if (kernel.per_expert) return one_by_one_s(device, kernel, rows);
  return kernel.rows_are_k ? weight_gradient_s(device, kernel, rows)
                           : over_rows_s(device, kernel, rows);
}

}  // namespace

double grouped_gemm_math_s(const Device& device, const Kernel& kernel, std::span<const int> rows) {
  if (!rows.empty()) return of_groups_s(device, kernel, rows);
  const int groups = std::clamp(kernel.groups, 1, 1024);
  std::array<int, 1024> even;
  std::fill_n(even.begin(), groups,
              static_cast<int>((kernel.rows_are_k ? kernel.k : kernel.m) / groups));
  const std::span<const int> dealt(even.data(), static_cast<size_t>(groups));
  return of_groups_s(device, kernel, dealt);
}

}  // namespace moesim
