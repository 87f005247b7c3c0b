#include "measured/microbenchmarks.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "fixtures/presets.hpp"

using namespace moesim;

namespace {

MeasuredKernel streaming(const std::string& device, double seconds, bool fitted) {
  MeasuredKernel row;
  row.name = "memory";
  row.device = device;
  row.kernel.kind = KernelKind::memory;
  row.kernel.bytes = 1e9;
  row.fitted = fitted;
  row.seconds = seconds;
  return row;
}

}  // namespace

TEST_CASE("what a table holds is seen in its header") {
  const MemoryFiles files(std::map<std::string, std::string>{{"k.csv", "device,class\n"},
                                                             {"c.csv", "class,collective\n"},
                                                             {"s.csv", "model,gpu\n"},
                                                             {"m.csv", "model,gpu,peak_memory\n"}});
  CHECK(kind_of_table("m.csv", files) == TableKind::memory);
  CHECK(kind_of_table("k.csv", files) == TableKind::kernels);
  CHECK(kind_of_table("c.csv", files) == TableKind::collectives);
  CHECK(kind_of_table("s.csv", files) == TableKind::steps);
  CHECK(kind_of_table("none.csv", files) == TableKind::steps);
}

TEST_CASE("kernels: fitted rows first, each class with its errors") {
  const Device device = device_named("h100-sxm");
  const double exact = predicted_s(device, streaming("h100-sxm", 1, true));
  const auto classes = validate_kernels(
      {streaming("h100-sxm", exact / 1.5, false), streaming("h100-sxm", exact, true),
       streaming("h100-sxm", exact / 1.1, true), streaming("h100-sxm/other", exact, true)},
      "", this_tree);
  REQUIRE(classes.size() == 2);  // the device with a slash has no preset of its own
  CHECK(classes[0].name == "h100-sxm memory");
  CHECK(classes[0].fitted);
  CHECK(classes[0].residual.rows == 2);
  CHECK(classes[0].residual.bias_percent == Approx(5));
  CHECK_FALSE(classes[1].fitted);
  CHECK(classes[1].residual.bias_percent == Approx(50));
}

TEST_CASE("kernels by decade of their FLOPs") {
  const Device device = device_named("h100-sxm");
  MeasuredKernel small;
  small.name = "gemm bf16";
  small.device = "h100-sxm";
  small.kernel.kind = KernelKind::gemm;
  small.kernel.m = small.kernel.n = small.kernel.k = 2048;
  small.kernel.flops = 2 * 2048.0 * 2048 * 2048;  // 1.7e10
  MeasuredKernel large = small;
  large.kernel.m = 1 << 17;
  large.kernel.flops *= 64;  // 1.1e12
  large.fitted = true;
  small.seconds = predicted_s(device, small) / 1.25;
  large.seconds = predicted_s(device, large);
  const auto classes =
      validate_kernels_by_size({small, large, streaming("h100-sxm", 1, true)}, "", this_tree);
  REQUIRE(classes.size() == 2);
  CHECK(classes[0].name == "h100-sxm gemm bf16, 1e10 FLOP");
  CHECK_FALSE(classes[0].fitted);
  CHECK(classes[0].residual.bias_percent == Approx(25));
  CHECK(classes[1].name == "h100-sxm gemm bf16, 1e12 FLOP");
  CHECK(classes[1].fitted);
  CHECK(classes[1].residual.bias_percent == Approx(0).margin(1e-9));
  const auto json = nlohmann::json::parse(microbenchmark_json(classes, classes));
  CHECK(json.at("by_flops")[1].at("class") == "h100-sxm gemm bf16, 1e12 FLOP");
}

TEST_CASE("a platform in place of the rows' devices") {
  const auto named = validate_kernels({streaming("h100-sxm", 1, true)}, "", this_tree);
  const auto other = validate_kernels({streaming("h100-sxm", 1, true)}, "gb200-nvl72", this_tree);
  CHECK(other[0].residual.bias_percent < named[0].residual.bias_percent);  // it has more bandwidth
  CHECK_THROWS_AS(validate_kernels({streaming("no-gpu", 1, true)}, "", this_tree), InputError);
}

TEST_CASE("the three ways to print classes say the same") {
  MicrobenchmarkClass c{"h100-sxm gemm bf16", true, {}};
  c.residual = {7, 1.25, 3.75, -0.5};
  CHECK(microbenchmark_table({c}).find("h100-sxm gemm bf16") != std::string::npos);
  CHECK(microbenchmark_table({c}).find("-0.5 fitted") != std::string::npos);
  CHECK(microbenchmark_markdown({c}).ends_with(
      "| h100-sxm gemm bf16 | 7 | 1.2 % | 3.8 % | -0.5 % | fitted |\n"));
  const auto json = nlohmann::json::parse(microbenchmark_json({c}));
  REQUIRE(json["classes"].size() == 1);
  CHECK(json["classes"][0]["rows"] == 7);
  CHECK(json["classes"][0]["p90_abs_error_percent"] == 3.75);
}
