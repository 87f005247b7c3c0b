#include "measured/kernel_table.hpp"

#include <cmath>

#include "catch.hpp"
#include "fixtures/input_error.hpp"
#include "fixtures/presets.hpp"

using namespace moesim;

namespace {

std::vector<MeasuredKernel> read(const std::string& csv) {
  return read_kernel_table("k.csv", MemoryFiles({{"k.csv", csv}}));
}

std::string errors_of(const std::string& csv) {
  return input_error([&] { read(csv); });
}

}  // namespace

TEST_CASE("rows of each class, with FLOPs and bytes") {
  const auto rows = read(
      "class,device,precision,pass,groups,m,n,k,sequences,heads,seq_len,qk_dim,v_dim,causal,bytes,"
      "time_us,tflops,fit\n"
      "gemm,h100-sxm,fp8,fwd,,64,128,256,,,,,,,,10,,\n"
      "grouped_gemm,h100-sxm,bf16,fwd,4,64,128,256,,,,,,,,,1,no\n"
      "attention_fwd_bwd,h100-sxm,bf16,fwd+bwd,,,,,2,8,1024,128,64,yes,,20,,\n"
      "memory,h100-sxm,,,,,,,,,,,,,1e6,5,,warm\n");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].name == "gemm fp8");
  CHECK(rows[0].kernel.flops == 2.0 * 64 * 128 * 256);
  CHECK(rows[0].kernel.bytes == 64 * 256 + 128 * 256 + 2 * 64 * 128);
  CHECK(rows[0].seconds == Approx(10e-6));
  CHECK(rows[0].fitted);
  CHECK(rows[1].rows == std::vector<int>{16, 16, 16, 16});
  CHECK(rows[1].kernel.bytes == 2 * (64 * 256 + 128 * 256 * 4) + 2 * 64 * 128);
  CHECK(rows[1].seconds == Approx(rows[1].kernel.flops / 1e12));
  CHECK_FALSE(rows[1].fitted);
  CHECK(rows[2].both_passes);
  CHECK(rows[2].kernel.pass == Pass::backward_data);
  CHECK(rows[2].kernel.flops == Approx(2.0 * 2 * 8 * 1024 * 1024 * 192 * 0.5 * 2.5));
  CHECK(rows[3].kernel.bytes == 1e6);
  CHECK(rows[3].warm);
  CHECK_FALSE(rows[3].fitted);
}

TEST_CASE("layouts, accumulation, heads of keys, loops over experts and rows of calls") {
  const auto rows = read(
      "class,device,precision,groups,m,n,k,sequences,heads,kv,seq_len,qk_dim,v_dim,causal,time_us,"
      "layout,out,acc,grouping,state,in_a_row,timing\n"
      "gemm,h100-sxm,bf16,1,64,128,256,,,,,,,,1,NT,fp32,True,,,,host\n"
      "gemm,h100-sxm,bf16,1,64,128,256,,,,,,,,1,NN,bf16,False,,burst,,\n"
      "grouped_gemm,h100-sxm,bf16,4,64,128,256,,,,,,,,1,bwd_grad_w,,,,,0,\n"
      "grouped_gemm,h100-sxm,bf16,4,64,128,256,,,,,,,,1,fwd,,,single,,10,\n"
      "attention_bwd,h100-sxm,bf16,,,,,1,16,2,1024,128,128,yes,1,True,,,,,,\n");
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].kernel.pass == Pass::backward_weight);
  CHECK(rows[0].kernel.bytes == 2 * (64 * 256 + 128 * 256) + 8 * 64 * 128);  // read and written
  CHECK(rows[0].sustained);
  CHECK(rows[0].in_a_row == 75);
  CHECK(rows[1].kernel.pass == Pass::backward_data);
  CHECK(rows[1].kernel.bytes == 2 * (64 * 256 + 128 * 256) + 2 * 64 * 128);
  CHECK_FALSE(rows[1].sustained);
  // 64 rows of 4 groups are summed over; each group has a gradient of 128 x 256.
  CHECK(rows[2].kernel.rows_are_k);
  CHECK(rows[2].kernel.per_expert);
  CHECK(rows[2].kernel.launches == 4);
  CHECK(rows[2].kernel.m == 128);
  CHECK(rows[2].kernel.n == 256);
  CHECK(rows[2].kernel.bytes == 2 * 64 * (128 + 256) + 6 * 4 * 128 * 256);
  CHECK(rows[2].in_a_row == 0);
  CHECK_FALSE(rows[3].kernel.per_expert);
  CHECK(rows[3].in_a_row == 10);
  CHECK(rows[4].kernel.pass == Pass::backward_data);
  CHECK(rows[4].kernel.kv_heads == 2);
  CHECK(rows[4].kernel.bytes == 2 * 1024 * (16 + 2) * 256);
}

TEST_CASE("calls in a row are no shorter than their host needs to issue them") {
  Device device = device_named("h100-sxm");
  device.host_call_s = 20e-6;
  device.host_attention_call_s = 100e-6;
  const auto rows = read(
      "class,device,precision,groups,m,n,k,sequences,heads,seq_len,qk_dim,v_dim,causal,time_us,"
      "timing,layout\n"
      "gemm,h100-sxm,bf16,1,64,64,64,,,,,,,1,host,TN\n"
      "grouped_gemm,h100-sxm,bf16,8,512,64,64,,,,,,,1,host,fwd\n"
      "attention_fwd,h100-sxm,bf16,,,,,1,1,128,64,64,yes,1,kernel,\n");
  CHECK(predicted_s(device, rows[0]) == Approx(20e-6));
  CHECK(predicted_s(device, rows[1]) == Approx(160e-6));
  CHECK(predicted_s(device, rows[2]) == Approx(100e-6));
}

// Medians of docs/model/device.md, rounded up. Rows that were not fitted keep to the same bars.
TEST_CASE("sustained kernels of B200 and A100 are predicted as documented") {
  struct Bar {
    const char* table;
    const char* name;
    double median_percent, bias_percent;
  };
  for (const Bar& bar : {Bar{"kernels-b200.csv", "b200-hgx gemm bf16", 5, 2},
                         Bar{"kernels-b200.csv", "b200-hgx grouped_gemm bf16", 11, 7},
                         Bar{"kernels-b200.csv", "b200-hgx attention_fwd bf16", 7, 7},
                         Bar{"kernels-b200.csv", "b200-hgx attention_bwd bf16", 7, 7},
                         Bar{"kernels-a100-pcie.csv", "a100-pcie gemm bf16", 3, 2},
                         Bar{"kernels-a100-pcie.csv", "a100-pcie attention_bwd bf16", 5, 4}}) {
    const std::string path = std::string(MOESIM_SOURCE_DIR "/scenarios/validation/") + bar.table;
    const std::vector<MeasuredKernel> rows = read_kernel_table(path);
    const std::map<std::string, Device> devices = {{"b200-hgx", device_named("b200-hgx")},
                                                   {"a100-pcie", device_named("a100-pcie")}};
    for (const bool fitted : {true, false}) {
      INFO(bar.name << (fitted ? ", fitted" : ", check"));
      const auto table =
          residuals(rows, devices, [&](const MeasuredKernel& row) { return row.fitted == fitted; });
      CHECK(table.at(bar.name).median_percent <= bar.median_percent);
      CHECK(std::abs(table.at(bar.name).bias_percent) <= bar.bias_percent);
    }
  }
}

TEST_CASE("what is wrong with a table of kernels") {
  const std::string header = "class,device,time_us\n";
  CHECK(errors_of(header + "conv,h100-sxm,1\n") ==
        "k.csv:2:1: class: expected gemm, grouped_gemm, attention_fwd, attention_bwd, "
        "attention_fwd_bwd or memory, got \"conv\"");
  CHECK(errors_of(header + "memory,h100-sxm,fast\n")
            .starts_with("k.csv:2:17: time_us: expected a number of at least 0, got \"fast\""));
  CHECK(errors_of(header + "memory,h100-sxm,\n") ==
        "k.csv:2:17: time_us: neither time_us nor tflops is given");
  CHECK(errors_of("device\nh100-sxm\n") == "k.csv:1:1: the header has no column \"class\"");
}

TEST_CASE("residuals: the median of the sizes, and of the signed errors") {
  const Residual residual = summarise({-10, 2, 4});
  CHECK(residual.rows == 3);
  CHECK(residual.bias_percent == 2);
  CHECK(residual.median_percent == 4);
  CHECK(residual.p90_percent == Approx(8.8));
  CHECK(summarise({}).rows == 0);
}

TEST_CASE("a kernel on part of a device, and one that was timed from the host") {
  Device device = device_named("h100-sxm");
  auto rows = read(
      "class,device,precision,pass,m,n,k,time_us,state\n"
      "gemm,h100-sxm,bf16,fwd,8192,8192,8192,1,burst\n");
  const double whole = predicted_s(device, rows[0]);
  rows[0].sms = device.sms / 2;
  CHECK(predicted_s(device, rows[0]) > 1.5 * whole);
  rows[0].sms = 0;
  rows[0].host_timed = true;
  device.host_timing_s = 3e-6;
  CHECK(predicted_s(device, rows[0]) - whole ==
        Approx(3e-6 + device.launch_s * rows[0].kernel.launches));
}

TEST_CASE("the device constants keep to the measured kernels as documented") {
  // Medians of docs/model/device.md, rounded up; a class that has two rows is held by its larger
  // error.
  const std::map<std::string, double> documented_percent = {{"a100-80g attention_fwd_bwd bf16", 2},
                                                            {"b200-hgx gemm bf16", 3},
                                                            {"b200-hgx gemm fp8", 4},
                                                            {"b200-hgx grouped_gemm bf16", 4},
                                                            {"b200-hgx grouped_gemm fp8", 4},
                                                            {"gb200 attention_bwd bf16", 5},
                                                            {"gb200 attention_fwd bf16", 4},
                                                            {"h100-sxm attention_bwd bf16", 6},
                                                            {"h100-sxm attention_fwd bf16", 8},
                                                            {"h100-sxm gemm bf16", 3},
                                                            {"h800-sxm attention_bwd bf16", 14},
                                                            {"h800-sxm attention_fwd bf16", 1},
                                                            {"h800-sxm gemm fp8", 4},
                                                            {"h800-sxm grouped_gemm fp8", 4}};
  const std::vector<MeasuredKernel> rows =
      read_kernel_table(MOESIM_SOURCE_DIR "/scenarios/validation/kernels.csv");
  std::map<std::string, Device> devices;
  for (const MeasuredKernel& row : rows) {
    if (row.fitted) devices[row.device] = device_named(row.device);
  }
  const auto table = residuals(rows, devices, [](const MeasuredKernel& row) { return row.fitted; });
  CHECK(table.size() == documented_percent.size());
  for (const auto& [name, residual] : table) {
    INFO(name);
    REQUIRE(documented_percent.count(name) == 1);
    CHECK(residual.rows >= 1);
    CHECK(residual.median_percent <= documented_percent.at(name));
  }
}
