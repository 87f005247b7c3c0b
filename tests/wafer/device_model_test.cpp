#include "wafer/device_model.hpp"

#include "catch.hpp"
#include "fixtures/presets.hpp"
#include "model/layer_ops.hpp"

using namespace moesim;

namespace {

Wafer cs2() { return cs2_systems().wafer; }

Wafer plain() {
  Wafer wafer;
  wafer.grid_rows = wafer.grid_columns = 100;
  wafer.clock_hz = 1e9;
  wafer.macs_per_cycle = 4;
  wafer.sram_bytes_per_s = wafer.fabric_bytes_per_s = 1e15;
  wafer.weight_issue_cycles = 5;
  return wafer;
}

Kernel gemm(double m, double n, double k, Pass pass = Pass::forward) {
  Kernel kernel;
  kernel.kind = KernelKind::gemm;
  kernel.pass = pass;
  kernel.m = m, kernel.n = n, kernel.k = k;
  return kernel;
}

}  // namespace

TEST_CASE("a weight costs its issue and the tokens of a core") {
  const Wafer wafer = plain();
  // 1,000 weights on each of 100 columns; 8 tokens on each of 100 rows take 2 cycles.
  CHECK(weight_seconds(wafer, 1e5, 800) == Approx(1000 * (5 + 2) / 1e9));
  CHECK(weight_seconds(wafer, 1e5, 801) ==
        Approx(1000 * (5 + 2.25) / 1e9));  // one core has a ninth token
  CHECK(weight_seconds(wafer, 1e5, 1) == Approx(1000 * (5 + 0.25) / 1e9));
}

TEST_CASE("the three products of a linear layer take alike") {
  const Wafer wafer = plain();
  const double forward = wafer_kernel_seconds(wafer, gemm(800, 300, 200));
  CHECK(forward == Approx(weight_seconds(wafer, 300 * 200, 800)));
  CHECK(wafer_kernel_seconds(wafer, gemm(800, 200, 300, Pass::backward_data)) == Approx(forward));
  CHECK(wafer_kernel_seconds(wafer, gemm(300, 200, 800, Pass::backward_weight)) == Approx(forward));
}

TEST_CASE("never above the peak, and towards gemm_efficiency with many tokens") {
  for (Wafer wafer : {plain(), cs2()})
    for (const double tokens : {1., 64., 1000., 8192., 131072., 1e7}) {
      const double flops = 2.0 * tokens * 4096 * 4096;
      const double rate = flops / wafer_kernel_seconds(wafer, gemm(tokens, 4096, 4096));
      CHECK(rate <= wafer.peak_flops() * wafer.gemm_efficiency);
      if (tokens == 1e7)
        CHECK(rate == Approx(wafer.peak_flops() * wafer.gemm_efficiency).epsilon(0.01));
    }
  CHECK(cs2().peak_flops() == Approx(7.5e15).epsilon(0.005));
}

TEST_CASE("experts without tokens cost nothing, few tokens cost almost as much as many") {
  const Wafer wafer = cs2();
  Kernel grouped;
  grouped.kind = KernelKind::grouped_gemm;
  grouped.groups = 4;
  grouped.n = 768, grouped.k = 2048;
  const std::vector<int> none(4, 0), one{64, 0, 0, 0}, all(4, 64), more(4, 512);
  CHECK(wafer_kernel_seconds(wafer, grouped, none) == 0);
  CHECK(wafer_kernel_seconds(wafer, grouped, all) ==
        Approx(4 * wafer_kernel_seconds(wafer, grouped, one)));
  CHECK(wafer_kernel_seconds(wafer, grouped, more) <
        1.1 * wafer_kernel_seconds(wafer, grouped, all));
}

TEST_CASE("moving tokens takes the fabric, norms the memory") {
  Wafer wafer = plain();
  Kernel kernel;
  kernel.bytes = 1e9;
  CHECK(wafer_kernel_seconds(wafer, kernel) == Approx(1e9 / 1e15));
  kernel.op = Op::permute;
  CHECK(wafer_kernel_seconds(wafer, kernel) == Approx(1e9 / 1e15 * 200 / 3));
  wafer.fabric_efficiency = 0.5;
  CHECK(wafer_kernel_seconds(wafer, kernel) == Approx(2e9 / 1e15 * 200 / 3));
}
