#include "cluster/device_power.hpp"

#include <array>
#include <cmath>

#include "catch.hpp"
#include "cluster/device_model.hpp"
#include "fixtures/kernels.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

// 1e15 FLOP/s at 1 pJ: 1,000 W while it multiplies.
Device hungry() {
  Device device = ideal_device();
  device.power_w = 600;
  device.static_power_w = 100;
  device.bf16_pj_per_flop = 1;
  device.memory_pj_per_byte = 100;
  return device;
}

}  // namespace

TEST_CASE("a kernel spends its FLOPs and its bytes") {
  Kernel kernel = gemm(1000, 1000, 1000);
  kernel.bytes = 3e6;
  CHECK(kernel_joules(hungry(), kernel) == Approx(2e9 * 1e-12 + 3e6 * 1e-10));
  kernel.kind = KernelKind::memory;  // what it computes is little
  CHECK(kernel_joules(hungry(), kernel) == Approx(3e6 * 1e-10));
  CHECK(kernel_joules(ideal_device(), kernel) == 0);
}

TEST_CASE("a precision without a figure of its own costs what the next wider one does") {
  Device device = hungry();
  const Kernel fp8 = gemm(64, 64, 64, Precision::fp8), fp4 = gemm(64, 64, 64, Precision::fp4);
  CHECK(kernel_joules(device, fp8) == Approx(kernel_joules(device, gemm(64, 64, 64))));
  device.fp8_pj_per_flop = 0.5;
  CHECK(kernel_joules(device, fp4) == Approx(kernel_joules(device, fp8)));
}

TEST_CASE("work takes as long as its energy needs under the limit, less what is in reserve") {
  const Device device = hungry();  // 500 W to spend
  CHECK(power_limited_s(device, 1, 400) == 1);
  CHECK(power_limited_s(device, 1, 1000) == Approx(2));
  CHECK(power_limited_s(device, 1, 1000, 250) == Approx(1.5));
  CHECK(power_limited_s(device, 3, 1000) == 3);  // idle time has paid
  CHECK(power_limited_s(ideal_device(), 1, 1000) == 1);
}

TEST_CASE("long rows of a kernel settle at the power limit, short ones are over before") {
  Device device = hungry();
  device.power_reserve_j = 2;
  const Kernel kernel = gemm(1000, 1000, 500);  // 1 us at the clock, 1 mJ and no bytes to speak of
  Kernel dry = kernel;
  dry.bytes = 0;
  const double burst = kernel_seconds(device, dry);
  CHECK(burst == Approx(1e-6).epsilon(0.3));
  const double sustained = sustained_seconds(device, dry);
  CHECK(sustained == Approx(1e-3 / 500));
  CHECK(sustained_seconds(device, dry, {}, 100) == burst);
  double before = 0;
  for (const int in_a_row : {1, 10, 1000, 5000, 100'000, 10'000'000}) {
    const double seconds = sustained_seconds(device, dry, {}, in_a_row);
    CHECK(seconds >= before);
    CHECK(seconds <= sustained);
    before = seconds;
  }
}

TEST_CASE("sustained kernels of any device grow with each side and keep under the roofline") {
  for (const char* name : {"a100-80g", "a100-pcie", "h100-sxm", "h200-sxm", "b200-hgx", "gb200",
                           "gb300", "b300-hgx", "mi300x"}) {
    const Device device = device_named(name);
    const double sides[] = {64, 500, 1024, 4096, 7168, 16384, 65536};
    for (const double m : sides)
      for (const double n : sides) {
        double before = 0;
        for (const double k : sides) {
          const Kernel kernel = gemm(m, n, k);
          const double seconds = sustained_seconds(device, kernel);
          REQUIRE(seconds >= kernel_lower_bound_s(device, kernel));
          REQUIRE(seconds >= kernel_seconds(device, kernel));
          REQUIRE(seconds >= before);
          before = seconds;
        }
      }
  }
}

// A B200 in a row: 0.49 of its BF16 peak (scenarios/validation/kernels-b200.csv); H100 at 698 W:
// 673 and 676 TFLOPS (kernels-sustained.csv).
TEST_CASE("large products settle where they were measured") {
  const auto rate = [](const char* device, double m, double n, double k) {
    return 2 * m * n * k / sustained_seconds(device_named(device), gemm(m, n, k)) / 1e12;
  };
  CHECK(rate("b200-hgx", 16384, 16384, 16384) == Approx(0.49 * 2250).epsilon(0.03));
  CHECK(rate("h100-sxm", 8192, 8192, 8192) == Approx(676).epsilon(0.03));
  CHECK(rate("h200-sxm", 8192, 8192, 8192) == Approx(661).epsilon(0.03));
  CHECK(rate("a100-pcie", 8192, 8192, 8192) == Approx(0.75 * 312).epsilon(0.03));
}
