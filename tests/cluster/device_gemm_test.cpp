#include "cluster/device_gemm.hpp"

#include <vector>

#include "catch.hpp"

using namespace moesim;

namespace {

// One tile costs k; no overheads, so that waves can be counted.
Device plain_device() {
  Device device;
  device.peak_bf16_flops = 132.0 * 2 * 128 * 256;  // one large tile per SM, k and second
  device.peak_fp8_flops = 2 * device.peak_bf16_flops;
  device.sms = 132;
  device.memory_bytes_per_s = 1;  // split-K has to write its partial sums: never worth it here
  device.gemm_efficiency = device.grouped_gemm_efficiency = device.fp8_efficiency = 1;
  device.tile_half_width = 64;
  return device;
}

Kernel gemm(double m, double n, double k) {
  Kernel kernel;
  kernel.kind = KernelKind::gemm;
  kernel.m = m, kernel.n = n, kernel.k = k;
  return kernel;
}

Kernel experts(double n, double k) {
  Kernel kernel;
  kernel.kind = KernelKind::grouped_gemm;
  kernel.n = n, kernel.k = k;
  return kernel;
}

}  // namespace

TEST_CASE("full waves of large tiles run at the quoted efficiency") {
  const Device device = plain_device();
  CHECK(gemm_math_s(device, gemm(128 * 132, 256, 1000)) == Approx(1000));
  CHECK(gemm_math_s(device, gemm(128 * 132, 256 * 3, 1000)) == Approx(3000));
  Kernel fp8 = gemm(128 * 132, 256, 1000);
  fp8.precision = Precision::fp8;
  CHECK(gemm_math_s(device, fp8) == Approx(500));
}

TEST_CASE("one tile more than a wave costs up to another wave, and less with smaller tiles") {
  const Device device = plain_device();
  const double full = gemm_math_s(device, gemm(128 * 132, 256, 1000));
  const double more = gemm_math_s(device, gemm(128 * 133, 256, 1000));
  CHECK(more > 1.1 * full);
  CHECK(more < 2 * full);
}

TEST_CASE("few tiles are split along k where partial sums are cheap") {
  Device device = plain_device();
  const double whole = gemm_math_s(device, gemm(128, 256, 8000));
  device.memory_bytes_per_s = 1e12;
  const double split = gemm_math_s(device, gemm(128, 256, 8000));
  CHECK(split < whole / 6);
  CHECK(split >= whole / 132);
}

TEST_CASE("rows of each expert are padded to tiles") {
  const Device device = plain_device();
  const std::vector<int> even(132, 128), one_more(132, 129), skewed = [] {
    std::vector<int> rows(132, 64);
    rows[0] = 128 * 132 - 64 * 131;
    return rows;
  }();
  const double base = grouped_gemm_math_s(device, experts(256, 1000), even);
  CHECK(base == Approx(1000));
  CHECK(grouped_gemm_math_s(device, experts(256, 1000), one_more) > 1.4 * base);
  CHECK(grouped_gemm_math_s(device, experts(256, 1000), skewed) >= base);
}

TEST_CASE("rows that are not given are dealt evenly") {
  const Device device = plain_device();
  Kernel kernel = experts(512, 1000);
  kernel.groups = 4;
  kernel.m = 4000;
  CHECK(grouped_gemm_math_s(device, kernel, {}) ==
        grouped_gemm_math_s(device, kernel, std::vector<int>{1000, 1000, 1000, 1000}));
}

TEST_CASE("a weight gradient takes as long as its longest expert") {
  const Device device = plain_device();
  Kernel kernel = experts(256, 0);
  kernel.rows_are_k = true;
  kernel.m = 128;
  // One large tile per group, fewer groups than SMs: the hot expert alone decides.
  CHECK(grouped_gemm_math_s(device, kernel, std::vector<int>{100, 100, 5000, 100}) ==
        grouped_gemm_math_s(device, kernel, std::vector<int>{0, 0, 5000, 0}));
  CHECK(grouped_gemm_math_s(device, kernel, std::vector<int>(264, 500)) == Approx(1000));
}
