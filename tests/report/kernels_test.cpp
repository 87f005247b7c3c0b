#include "report/kernels.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace moesim;

namespace {

std::vector<KernelRow> some_rows() {
  KernelRow known{"attention", "forward", "1 of 8 heads, 4096x4096, 128+128", "measured range"};
  known.flops = 3.4e10;
  known.count = 12;
  known.seconds = 0.6;
  known.efficiency = 0.5;
  KernelRow unlike{"expert_fc1", "forward", "8 of 4096x2048x7168",
                   "measured from 1e+09 to 1e+10 FLOP only"};
  unlike.seconds = 0.3;
  unlike.measured = false;
  KernelRow small{"norm", "forward", "0.1 MB", "bandwidth"};
  small.seconds = 1e-5;
  return {known, unlike, small};
}

}  // namespace

TEST_CASE("kernels of a step as a table") {
  const std::string text = kernel_rows_table(some_rows(), 1);
  CHECK(text.find("attention            forward          1 of 8 heads, 4096x4096, 128+128    "
                  "3.40e+10       12  0.500     600.00   60.0 %  measured range\n") !=
        std::string::npos);
  CHECK(text.find("norm") == std::string::npos);
  CHECK(text.find("the rest") != std::string::npos);
  const auto json = nlohmann::json::parse(kernel_rows_json(some_rows()));
  REQUIRE(json.at("kernels").size() == 3);
  CHECK(json.at("kernels")[1].at("measured") == false);
  CHECK(json.at("kernels")[0].at("count") == 12);
}

TEST_CASE("kernels unlike any measured are told where they matter") {
  CHECK(unmeasured_kernels(some_rows(), 1) ==
        "30 % of the step are kernels unlike any that were measured on this device, most of all "
        "expert_fc1 forward, 8 of 4096x2048x7168 (measured from 1e+09 to 1e+10 FLOP only): `--ops` "
        "lists them");
  CHECK(unmeasured_kernels(some_rows(), 100).empty());
}
