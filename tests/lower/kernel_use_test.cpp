#include "lower/kernel_use.hpp"

#include <array>

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

TEST_CASE("a kernel's shape in words, and whether any like it was measured") {
  Device device = ideal_device();
  Kernel kernel;
  kernel.kind = KernelKind::gemm;
  kernel.m = 4096, kernel.n = 1024, kernel.k = 512;
  kernel.flops = 2.0 * 4096 * 1024 * 512;
  KernelUse use = kernel_use(device, kernel, {}, 3);
  CHECK(use.op == 3);
  CHECK(use.shape == "4096x1024x512");
  CHECK(use.source == "no kernel of this device was measured");
  CHECK_FALSE(use.measured);
  device.gemm_fitted_least_flops = 1e9;
  device.gemm_fitted_most_flops = 1e12;
  use = kernel_use(device, kernel, {}, 3);
  CHECK(use.measured);
  CHECK(use.source == "measured range");
  device.gemm_fitted_most_flops = 2e9;
  use = kernel_use(device, kernel, {}, 3);
  CHECK_FALSE(use.measured);
  CHECK(use.source == "measured from 1e+09 to 2e+09 FLOP only");
}

TEST_CASE("of a loop over experts each GEMM counts, of one kernel all groups") {
  Device device = ideal_device();
  device.gemm_fitted_least_flops = 1e6;
  device.gemm_fitted_most_flops = 3e9;
  Kernel kernel;
  kernel.kind = KernelKind::grouped_gemm;
  kernel.groups = 4;
  kernel.n = 1024, kernel.k = 1024;
  kernel.flops_per_row = 2.0 * 1024 * 1024;
  const std::array<int, 4> rows = {1024, 1024, 1024, 1024};
  KernelUse use = kernel_use(device, kernel, rows, 0);
  CHECK(use.shape == "4 of 1024x1024x1024");
  CHECK_FALSE(use.measured);
  kernel.per_expert = true;
  CHECK(kernel_use(device, kernel, rows, 0).measured);
  kernel.rows_are_k = true;
  kernel.m = 2048;
  CHECK(kernel_use(device, kernel, rows, 0).shape == "4 of 2048x1024x1024");
}
