#include "measured/calibrate.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "config/scenario.hpp"

using namespace moesim;

namespace {

const SearchPath kData{{MOESIM_SOURCE_DIR}};

MeasuredKernel copy_of(double bytes, const Device& device) {
  MeasuredKernel row;
  row.name = "memory";
  row.kernel.kind = KernelKind::memory;
  row.kernel.bytes = bytes;
  row.fitted = true;
  row.seconds = 1;
  row.seconds = predicted_s(device, row);
  return row;
}

}  // namespace

TEST_CASE("Calibration finds the constants that the measurements were made with") {
  const Pod base = load_pod("h100-sxm", {"gpus=8"}, kData);
  Pod truth = base;
  truth.device.memory_efficiency = 0.7;
  truth.device.memory_half_bytes = 2e6;
  truth.nvlink_efficiency = 0.6;
  truth.collective_startup_s = 30e-6;
  truth.message_startup_s = 2e-6;
  std::vector<MeasuredKernel> kernels;
  for (const double bytes : {1e5, 1e6, 1e7, 1e8, 1e9})
    kernels.push_back(copy_of(bytes, truth.device));
  std::vector<MeasuredCollective> collectives;
  for (const int gpus : {2, 4, 8})
    for (const double bytes : {1e4, 1e7, 1e9}) {
      MeasuredCollective row;
      row.library = "nccl";
      row.collective = "all-to-all";
      row.gpus = gpus;
      row.bytes = bytes;
      row.seconds = predicted_s(truth, prepare(truth, row));
      collectives.push_back(row);
    }
  const Calibration found = calibrate(base, kernels, collectives);
  CHECK(found.pod.device.memory_efficiency == Approx(0.7).epsilon(0.01));
  CHECK(found.pod.device.memory_half_bytes == Approx(2e6).epsilon(0.05));
  CHECK(found.pod.nvlink_efficiency == Approx(0.6).epsilon(0.01));
  CHECK(found.pod.collective_startup_s == Approx(30e-6).epsilon(0.1));
  CHECK(found.pod.device.gemm_efficiency == base.device.gemm_efficiency);
  CHECK(found.constants.size() == 5);
  REQUIRE(found.classes.size() == 2);
  CHECK(found.classes[0].after.median_percent < 1);
  CHECK(found.classes[0].before.median_percent > 5);

  // The file loads on top of its base.
  const MemoryFiles files(std::map<std::string, std::string>{
      {"mine.yaml", calibration_yaml(found, "h100-sxm", {"a.csv"})}});
  struct Both : Files {
    const Files& mine;
    explicit Both(const Files& files) : mine(files) {}
    bool exists(const std::string& path) const override {
      return mine.exists(path) || disk_files().exists(path);
    }
    FileText read(const std::string& path, size_t most_bytes) const override {
      return mine.exists(path) ? mine.read(path, most_bytes) : disk_files().read(path, most_bytes);
    }
    std::vector<std::string> list(const std::string& folder) const override {
      return disk_files().list(folder);
    }
  } both(files);
  const Pod loaded = load_pod("mine.yaml", {"gpus=8"}, kData, both);
  CHECK(loaded.device.memory_efficiency ==
        Approx(found.pod.device.memory_efficiency).epsilon(1e-4));
  CHECK(loaded.nvlink_efficiency == Approx(found.pod.nvlink_efficiency).epsilon(1e-4));
  CHECK(loaded.nic_bytes_per_s == base.nic_bytes_per_s);
}

TEST_CASE("Calibration leaves alone what too few rows tell") {
  const Pod base = load_pod("h100-sxm", {"gpus=8"}, kData);
  const Calibration found = calibrate(base, {copy_of(1e6, base.device)}, {});
  CHECK(found.constants.empty());
  CHECK(found.left_out == std::vector<std::string>{"memory: 1 rows for 2 constants"});
}

TEST_CASE("Calibration takes the rows of its base, and says what it leaves out") {
  const Pod base = load_pod("h100-sxm", {"gpus=8"}, kData);
  Pod truth = base;
  truth.device.memory_efficiency = 0.7;
  std::vector<MeasuredKernel> kernels;
  for (const char* device : {"h100-sxm", "b200-hgx"})
    for (const double bytes : {1e6, 1e8, 1e9}) {
      kernels.push_back(copy_of(bytes, truth.device));
      kernels.back().device = device;
      if (std::string(device) == "b200-hgx") kernels.back().seconds /= 3;
    }
  kernels.push_back(copy_of(1e7, base.device));
  kernels.back().device = "h100-sxm";
  kernels.back().fitted = false;
  const Calibration found = calibrate(base, kernels, {});
  CHECK(found.pod.device.memory_efficiency == Approx(0.7).epsilon(0.01));
  REQUIRE(found.classes.size() == 1);
  CHECK(found.classes[0].after.rows == 3);
  CHECK(found.left_out == std::vector<std::string>{"3 rows of other devices than h100-sxm",
                                                   "1 rows whose fit is no or warm"});
  CHECK_FALSE(found.constants[0].at_bound);

  // One name, whichever: the user's own. These rows ask for more than the datasheet's bandwidth.
  std::vector<MeasuredKernel> fast(kernels.begin() + 3, kernels.begin() + 6);
  CHECK(calibrate(base, fast, {}).constants[0].at_bound);
  fast[0].device = "a100-80g";
  CHECK_THROWS_AS(calibrate(base, fast, {}), InputError);
}
