#include "cluster/device_attention.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace moesim;

namespace {

Kernel kernel_of(int64_t queries, int64_t keys, bool causal, int window = 0) {
  Kernel kernel;
  kernel.kind = KernelKind::attention;
  kernel.sequences = 1;
  kernel.heads = kernel.kv_heads = 128;
  kernel.query_length = queries, kernel.key_length = keys;
  kernel.qk_dim = 192, kernel.v_dim = 128;
  kernel.causal = causal;
  kernel.window = window;
  return kernel;
}

// Keys seen, counted one query at a time.
double counted_keys(const Kernel& kernel) {
  double sum = 0;
  for (int64_t query = 0; query < kernel.query_length; ++query) {
    int64_t seen =
        kernel.causal ? kernel.key_length - kernel.query_length + query + 1 : kernel.key_length;
    if (kernel.window > 0) seen = std::min<int64_t>(seen, kernel.window);
    sum += static_cast<double>(seen);
  }
  return sum / static_cast<double>(kernel.query_length);
}

Device plain_device() {
  Device device;
  device.peak_bf16_flops = 1e15, device.sms = 128;
  device.attention_efficiency = 0.8, device.attention_backward_efficiency = 0.6;
  device.attention_half_length = 200, device.attention_half_dim = 80;
  return device;
}

}  // namespace

TEST_CASE("mean keys agree with a count, to half a key at the diagonal") {
  for (const int window : {0, 100, 128, 5000}) {
    for (const bool causal : {false, true}) {
      for (const int64_t keys : {1000, 1500, 4096}) {
        const Kernel kernel = kernel_of(1000, keys, causal, window);
        CHECK(std::abs(mean_keys(kernel) - counted_keys(kernel)) <= 0.51);
      }
    }
  }
}

TEST_CASE("FLOPs of MLA at 4,096 tokens are those of the published profile") {
  Kernel kernel = kernel_of(4096, 4096, true);
  CHECK(attention_flops(kernel) == Approx(687194767360.0));
  kernel.pass = Pass::backward_data;
  CHECK(attention_flops(kernel) == Approx(2.5 * 687194767360.0));
}

TEST_CASE("efficiency grows with length and head width, and falls with a mask") {
  const Device device = plain_device();
  const auto tflops = [&](Kernel kernel) {
    return attention_flops(kernel) / attention_math_s(device, kernel, 0) / 1e12;
  };
  double before = 0;
  for (const int64_t length : {512, 1024, 4096, 16384}) {
    const double now = tflops(kernel_of(length, length, true));
    CHECK(now > before);
    CHECK(now < tflops(kernel_of(length, length, false)));
    before = now;
  }
  Kernel narrow = kernel_of(4096, 4096, true);
  narrow.qk_dim = narrow.v_dim = 64;
  CHECK(tflops(narrow) < tflops(kernel_of(4096, 4096, true)));
  CHECK(tflops(kernel_of(4096, 4096, true, 128)) < 0.5 * tflops(kernel_of(4096, 4096, true)));
  CHECK(before < 800);
}

TEST_CASE("a window saves time, more keys cost time") {
  const Device device = plain_device();
  const double full = attention_math_s(device, kernel_of(8192, 8192, true), 0);
  double before = 0;
  for (const int window : {64, 128, 512, 2048, 8191}) {
    const double seconds = attention_math_s(device, kernel_of(8192, 8192, true, window), 0);
    CHECK(seconds > before);
    CHECK(seconds <= 1.05 * full);
    before = seconds;
  }
}
