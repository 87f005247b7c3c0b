// Sums of profiles that were written with known ones.
#include "foreign/kineto_profile.hpp"

#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

std::string written(const std::string& text, const std::string& name = "profile.json") {
  const auto path = std::filesystem::temp_directory_path() / ("moesim-kineto-" + name);
  std::ofstream(path) << text;
  return path.string();
}

std::string event(const std::string& category, const std::string& name, double begin, double length,
                  const std::string& args = "\"device\": 0, \"stream\": 7") {
  return "{\"ph\": \"X\", \"cat\": \"" + category + "\", \"name\": \"" + name +
         "\", \"ts\": " + std::to_string(begin) + ", \"dur\": " + std::to_string(length) +
         ", \"args\": {" + args + "}}";
}

std::string trace(std::initializer_list<std::string> events) {
  std::string list;
  for (const std::string& one : events) list += (list.empty() ? "" : ",\n") + one;
  return "{\"schemaVersion\": 1, \"deviceProperties\": [{\"id\": 0}], \"traceEvents\": [\n" + list +
         "]}";
}

double milliseconds(const ClassSeconds& seconds, ProfileClass c) {
  return std::round(1e6 * seconds[static_cast<size_t>(c)]) / 1e3;
}

constexpr const char* kDispatch = "void deep_ep::internode::dispatch<false>(int4*)";
constexpr const char* kExpertGroup =
    "\"device\": 0, \"Collective name\": \"all_to_allv\", \"Process Group Description\": "
    "\"EXPERT_MODEL_PARALLEL_GROUP\"";

}  // namespace

TEST_CASE("classes add up to the step, and what computing hides is nobody's wait") {
  // Two steps of 10 ms each: 2 x 4 ms of GEMM, 2 x 2 ms of attention on two streams at once with
  // them, 2 x 3 ms of dispatch of which 1 ms is hidden, and nothing for the rest.
  const std::string path = written(trace({
      event("gpu_user_annotation", "ProfilerStep#5", 0, 10'000),
      event("gpu_user_annotation", "ProfilerStep#6", 10'000, 10'000),
      event("user_annotation", "ProfilerStep#5", 0, 300),
      event("cpu_op", "aten::mm", 0, 9'000),
      event("kernel", "nvjet_tst_128x256", 0, 4'000),
      event("kernel", kDispatch, 3'000, 3'000),
      event("kernel", "flash_fwd_kernel", 2'000, 2'000),
      event("kernel", "nvjet_tst_128x256", 10'000, 4'000),
      event("kernel", "flash_fwd_kernel", 12'000, 2'000),
      event("kernel", kDispatch, 13'000, 3'000),
      event("kernel", "nvjet_tst_128x256", 30'000, 4'000),  // behind the last step
      event("kernel", "nvjet_tst_128x256", 0, 4'000, "\"device\": 1"),
  }));
  const KinetoProfile profile = read_kineto(path);
  CHECK(profile.steps == 2);
  CHECK(profile.devices == 2);
  CHECK(profile.kernels == 3);
  CHECK(std::abs(profile.step_s - 0.010) < 1e-12);
  // Where GEMM and attention run together each has half.
  CHECK(milliseconds(profile.seconds, ProfileClass::matrix_products) == 3);
  CHECK(milliseconds(profile.seconds, ProfileClass::attention) == 1);
  CHECK(milliseconds(profile.seconds, ProfileClass::expert_parallel) == 2);
  CHECK(milliseconds(profile.seconds, ProfileClass::idle) == 4);
  CHECK(milliseconds(profile.busy, ProfileClass::expert_parallel) == 3);
  double sum = 0;
  for (const double seconds : profile.seconds) sum += seconds;
  CHECK(std::abs(sum - profile.step_s) < 1e-12);
}

TEST_CASE("a step that is marked once for each stream is one step") {
  const std::string path = written(trace({
      event("gpu_user_annotation", "ProfilerStep#5", 0, 9'000),
      event("gpu_user_annotation", "ProfilerStep#5", 100, 9'900),
      event("gpu_user_annotation", "ProfilerStep#6", 10'000, 10'000),
      event("gpu_user_annotation", "ProfilerStep#6", 10'000, 8'000),
      event("kernel", "nvjet_tst_128x256", 0, 4'000),
      event("kernel", "nvjet_tst_128x256", 10'000, 4'000),
  }));
  const KinetoProfile profile = read_kineto(path);
  CHECK(profile.steps == 2);
  CHECK(profile.step_s == Approx(0.010));
  CHECK(profile.kernels == 1);
  CHECK_THROWS_AS(read_kineto(path, 6), InputError);
}

TEST_CASE("kernels by name and by the group they communicate in") {
  const auto is = [](const char* name, const char* group = "") {
    return class_of_kernel(name, group);
  };
  CHECK(is("void cutlass::device_kernel<GroupProblemShape>") == ProfileClass::matrix_products);
  CHECK(is("Cijk_Ailk_Bljk_BBS") == ProfileClass::matrix_products);
  CHECK(is("cudnn_generated_fort_native_sdpa_sm90_flash_fprop") == ProfileClass::attention);
  CHECK(is("multi_tensor_apply_kernel<AdamFunctor>") == ProfileClass::optimizer);
  CHECK(is("_permute_kernel") == ProfileClass::router_and_permutation);
  CHECK(is("void at::native::vectorized_elementwise_kernel<4>") == ProfileClass::other_kernels);
  const char* const gather = "ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgs)";
  CHECK(is(gather) == ProfileClass::collectives);
  CHECK(is(gather, "TENSOR_MODEL_PARALLEL_GROUP") == ProfileClass::tensor_parallel);
  CHECK(is(gather, "DATA_PARALLEL_GROUP_WITH_CP") == ProfileClass::data_parallel);
  CHECK(is(gather, "EXPERT_DATA_PARALLEL_GROUP") == ProfileClass::data_parallel);
  CHECK(is(gather, "mesh_fsdp") == ProfileClass::data_parallel);
  CHECK(is(gather, "mesh_ep") == ProfileClass::expert_parallel);
  CHECK(is(gather, "default_pg") == ProfileClass::collectives);
  CHECK(is("ncclDevKernel_SendRecv", "PIPELINE_MODEL_PARALLEL_GROUP") == ProfileClass::pipeline);
}

TEST_CASE("what a collective is for is read from its arguments") {
  const KinetoProfile profile = read_kineto(
      written(trace({event("kernel", "ncclDevKernel_SendRecv", 0, 500, kExpertGroup)})));
  CHECK(profile.steps == 0);
  CHECK(milliseconds(profile.seconds, ProfileClass::expert_parallel) == 0.5);
}

TEST_CASE("a profile without marks of its steps, gzipped") {
  const std::string path = written("", "packed.json.gz");
  gzFile file = gzopen(path.c_str(), "wb");
  gzputs(file,
         trace({event("kernel", "nvjet", 0, 1'000), event("kernel", "nvjet", 1'500, 500)}).c_str());
  gzclose(file);
  CHECK(std::abs(read_kineto(path, 2).step_s - 1e-3) < 1e-12);
  CHECK(milliseconds(read_kineto(path, 2).seconds, ProfileClass::matrix_products) == 0.75);
}

TEST_CASE("files that are no profile") {
  const auto fault = [](const std::string& text) {
    try {
      read_kineto(written(text));
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(fault("{\"traceEvents\": [").find("parse error") != std::string::npos);
  CHECK(fault("{\"a\": 1}").find("no kernels of a GPU") != std::string::npos);
  CHECK(fault("{\"traceEvents\": [{\"ph\": \"X\", \"cat\": \"kernel\", \"name\": \"a\"}]}")
            .find("without a number \"ts\"") != std::string::npos);
  CHECK_THROWS_AS(read_kineto("no/such/profile.json"), InputError);
}
