#include "cluster/device_model.hpp"

#include <array>
#include <filesystem>

#include "catch.hpp"
#include "fixtures/kernels.hpp"
#include "fixtures/presets.hpp"

using namespace moesim;

namespace {

Kernel experts(int groups, double n, double k, bool weight_gradient = false) {
  Kernel kernel;
  kernel.kind = KernelKind::grouped_gemm;
  kernel.groups = groups;
  kernel.n = n;
  kernel.rows_are_k = weight_gradient;
  (weight_gradient ? kernel.m : kernel.k) = k;
  kernel.flops_per_row = 2.0 * (n * k);
  kernel.bytes = (weight_gradient ? 4.0 : 2.0) * groups * (n * k);
  kernel.bytes_per_row = 2.0 * (n + k);
  return kernel;
}

Kernel attention(int sequences, int heads, int64_t length, int dim, bool causal, Pass pass) {
  Kernel kernel;
  kernel.kind = KernelKind::attention;
  kernel.pass = pass;
  kernel.sequences = sequences;
  kernel.heads = kernel.kv_heads = heads;
  kernel.query_length = kernel.key_length = length;
  kernel.qk_dim = kernel.v_dim = dim;
  kernel.causal = causal;
  const double tokens = static_cast<double>(length);
  kernel.flops = 4.0 * sequences * heads * tokens * tokens * dim * (causal ? 0.5 : 1) *
                 (pass == Pass::forward ? 1 : 2.5);
  kernel.bytes = 8.0 * sequences * heads * tokens * dim;
  return kernel;
}

Kernel streaming(double bytes) {
  Kernel kernel;
  kernel.bytes = bytes;
  return kernel;
}

struct Case {
  Kernel kernel;
  std::vector<int> rows;
};

std::vector<Case> grid() {
  std::vector<Case> cases;
  for (const double m : {1., 64., 100., 1024., 4096., 16384.}) {
    for (const double n : {64., 768., 2112., 7168.}) {
      for (const double k : {64., 512., 2048., 16384.}) {
        for (const Precision precision : {Precision::bf16, Precision::fp8, Precision::fp4}) {
          cases.push_back({gemm(m, n, k, precision), {}});
        }
      }
    }
  }
  for (const bool weight_gradient : {false, true}) {
    for (const std::vector<int>& rows :
         {std::vector<int>{0, 0, 0, 0}, std::vector<int>{1, 0, 0, 0},
          std::vector<int>{7, 900, 0, 64}, std::vector<int>{8192, 8192, 8192, 8192}}) {
      cases.push_back({experts(4, 4096, 7168, weight_gradient), rows});
      cases.push_back({experts(4, 1536, 2048, weight_gradient), rows});
    }
  }
  for (const int64_t length : {128, 1000, 4096, 32768}) {
    for (const int dim : {64, 128, 192, 256}) {
      for (const Pass pass : {Pass::forward, Pass::backward_data}) {
        cases.push_back({attention(1, 16, length, dim, true, pass), {}});
        cases.push_back({attention(2, 32, length, dim, false, pass), {}});
      }
    }
  }
  for (const double bytes : {1e3, 1e6, 1e9}) cases.push_back({streaming(bytes), {}});
  return cases;
}

}  // namespace

TEST_CASE("no kernel beats its lower bound on any device") {
  int devices = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(MOESIM_SOURCE_DIR "/platforms/devices")) {
    const Device device = load_device(file.path().string(), {}, {{MOESIM_SOURCE_DIR}});
    CHECK(device.name == file.path().stem().string());
    ++devices;
    for (const Case& each : grid()) {
      const double seconds = kernel_seconds(device, each.kernel, each.rows);
      REQUIRE(std::isfinite(seconds));
      REQUIRE(seconds > 0);
      REQUIRE(seconds >= kernel_lower_bound_s(device, each.kernel, each.rows));
    }
  }
  CHECK(devices >= 9);
}

TEST_CASE("doubling the peaks and the bandwidth never slows a kernel") {
  const Device device = device_named("h100-sxm");
  Device fast_math = device, fast_memory = device;
  fast_math.peak_bf16_flops *= 2;
  fast_math.peak_fp8_flops *= 2;
  fast_memory.memory_bytes_per_s *= 2;
  for (const Case& each : grid()) {
    const double seconds = kernel_seconds(device, each.kernel, each.rows);
    REQUIRE(kernel_seconds(fast_math, each.kernel, each.rows) <= seconds);
    REQUIRE(kernel_seconds(fast_memory, each.kernel, each.rows) <= seconds);
  }
}

TEST_CASE("more rows never take less time") {
  const Device device = device_named("h800-sxm");
  for (const bool weight_gradient : {false, true}) {
    const Kernel kernel = experts(4, 4096, 7168, weight_gradient);
    double before = 0;
    for (int rows = 0; rows < 3000; rows += 7) {
      const double seconds = kernel_seconds(device, kernel, std::array{rows, 500, rows / 3, 64});
      REQUIRE(seconds >= before);
      before = seconds;
    }
  }
  double before = 0;
  for (int m = 1; m < 5000; m += 13) {
    const double seconds = kernel_seconds(device, gemm(m, 2112, 7168));
    REQUIRE(seconds >= before);
    before = seconds;
  }
}

TEST_CASE("an expert with one token costs the read of its weights") {
  const Device device = device_named("h100-sxm");
  const Kernel kernel = experts(8, 4096, 4096);
  const std::vector<int> one(8, 1), many(8, 4096), idle(8, 0);
  const double weights_s = kernel.bytes / device.memory_bytes_per_s;
  CHECK(kernel_seconds(device, kernel, one) > weights_s);
  CHECK(kernel_seconds(device, kernel, one) < 1.6 * weights_s);
  CHECK(kernel_seconds(device, kernel, many) > 10 * weights_s);
  CHECK(kernel_seconds(device, kernel, idle) == Approx(device.launch_s));
  // Only one of eight is read.
  CHECK(kernel_seconds(device, kernel, std::array{0, 0, 0, 1, 0, 0, 0, 0}) < 0.4 * weights_s);
}

TEST_CASE("a streaming kernel reaches half its rate at memory_half_bytes") {
  Device device = device_named("h100-sxm");
  device.launch_s = 0;
  const double rate = device.memory_bytes_per_s * device.memory_efficiency;
  CHECK(kernel_seconds(device, streaming(device.memory_half_bytes)) ==
        Approx(2 * device.memory_half_bytes / rate));
  CHECK(kernel_seconds(device, streaming(1e10)) == Approx(1e10 / rate).epsilon(0.01));
}

TEST_CASE("every launch is paid") {
  const Device device = device_named("h100-sxm");
  Kernel kernel = streaming(1e6);
  const double once = kernel_seconds(device, kernel);
  kernel.launches = 3;
  CHECK(kernel_seconds(device, kernel) ==
        Approx(once +
               2 * (device.launch_s + device.memory_half_bytes /
                                          (device.memory_bytes_per_s * device.memory_efficiency))));
}

TEST_CASE("a precision that the device lacks runs at the next wider one") {
  const Device a100 = device_named("a100-80g"), h100 = device_named("h100-sxm");
  CHECK(peak_flops(a100, Precision::fp8) == a100.peak_bf16_flops);
  CHECK(peak_flops(h100, Precision::fp4) == h100.peak_fp8_flops);
  CHECK(peak_flops(h100, Precision::bf16) == Approx(989.4e12));
}
