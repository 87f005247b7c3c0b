// A table of three rows that can be predicted and one that cannot, and its validation.
#pragma once

#include <fstream>
#include <string>

#include "catch.hpp"
#include "fixtures/temporary_folder.hpp"
#include "measured/validate.hpp"

namespace moesim {

inline constexpr const char* kValidationTable =
    "source,model,gpu,num_gpus,precision,seq_len,gbs,mbs,tp,pp,ep,note,tokens_per_s_per_gpu,step_"
    "time_s,"
    "tflops_per_gpu\n"
    "here,olmoe-1b-7b,h100-sxm,8,bf16,2048,16,1,1,1,8,force-balanced,20000,,\n"
    "here,olmoe-1b-7b,h100-sxm,8,bf16,2048,16,1,1,1,8,force-balanced,,0.2,\n"
    "there,olmoe-1b-7b,h100-sxm,8,bf16,2048,32,2,1,1,8,force-balanced,,,300\n"
    "there,no-such-model,h100-sxm,8,bf16,2048,16,1,1,1,8,,1,,\n";

class ValidationFixture {
 public:
  ValidationFixture() { std::ofstream(folder_.path() / "t.csv") << kValidationTable; }
  Validation run(size_t limit = 0) {
    ValidateOptions options;
    options.tables = {(folder_.path() / "t.csv").string()};
    options.limit = limit;
    options.batch = {
        .out_folder = (folder_.path() / "out").string(), .version = "1", .pool = {.jobs = 2}};
    return validate(options, {{MOESIM_SOURCE_DIR}});
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace moesim
