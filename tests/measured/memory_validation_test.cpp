#include "measured/memory_validation.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "fixtures/presets.hpp"

using namespace moesim;

namespace {

MemoryValidation validated(const std::string& lines) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / "moesim_memory_validation_test.csv";
  std::ofstream(file)
      << "framework,model,gpu,num_gpus,precision,seq_len,mbs,gbs,tp,pp,ep,recompute,"
         "peak_memory,unit,what_is_measured,stage_or_rank\n"
      << lines;
  MemoryValidation found = validate_memory({file.string()}, "", {}, this_tree);
  std::filesystem::remove(file);
  return found;
}

}  // namespace

TEST_CASE("measured peaks are predicted by kind and stage, without a simulation") {
  const MemoryValidation v = validated(
      "megatron-core-0.14,llama3-70b-l12,b200-hgx,8,bf16,4096,1,16,2,1,1,none,65.15,GB,torch max "
      "allocated,stage 0\n"
      "megatron-core-0.14,llama3-70b-l12,b200-hgx,8,bf16,4096,1,16,2,1,1,none,67.14,GB,torch max "
      "reserved,stage 0\n"
      "megatron-core-0.14,llama3-70b-l12,b200-hgx,8,bf16,4096,1,16,2,1,1,none,>150 (OOM),GB,x,all\n"
      "megatron-core-0.14,no-such-model,b200-hgx,8,bf16,4096,1,16,2,1,1,none,1,GB,x,all\n");
  REQUIRE(v.rows.size() == 4);
  // MooreThreads/SimuMax@4dcaae51 docs/b200: 55.7 GB of state, 6.8 of activations, 0.9 and 1.1 of
  // gradients that nobody reads.
  CHECK(std::abs(v.rows[0].error_percent) < 1);
  CHECK(std::abs(v.rows[1].error_percent) < 3);
  CHECK(v.rows[0].verdict_is_right());
  CHECK_FALSE(v.rows[2].verdict_is_right());
  CHECK_FALSE(v.rows[2].has_error());
  CHECK(v.rows[3].reason.find("no-such-model") != std::string::npos);
}

TEST_CASE("the table and the JSON of a validation of memory") {
  const MemoryValidation v = validated(
      "megatron-core-0.14,llama3-70b-l12,b200-hgx,8,bf16,4096,1,16,2,1,1,none,65.15,GB,torch max "
      "allocated,stage 0\n"
      ",no-such-model,b200-hgx,8,bf16,4096,1,16,2,1,1,none,1,GB,x,all\n");
  const std::string text = memory_validation_table(v);
  CHECK(text.find("1 of 2 rows predicted; fits or out of memory said right for 1 of 1") !=
        std::string::npos);
  CHECK(text.find("not predicted:\n") != std::string::npos);
  const auto json = nlohmann::json::parse(memory_validation_json(v));
  CHECK(json["rows"][0]["status"] == "predicted");
  CHECK(json["rows"][0]["measured_bytes"].get<double>() == Approx(65.15e9));
  CHECK(json["rows"][0]["verdict"] == "fits");
  CHECK(json["rows"][1]["status"] == "not_run");
  CHECK(json["summary"]["rows"] == 2);
  CHECK(json["summary"]["by_what"][0]["what"] == "allocated");
  CHECK(json["summary"]["by_what"][0]["rows"] == 1);
}
