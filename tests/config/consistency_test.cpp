// Values that are each in range but do not fit together.
#include "config/error_case.hpp"

using namespace moesim;

namespace {

const std::string kDense = "workload: dense\nplatform: pod\n" + kBatch;

}  // namespace

TEST_CASE("ranks against machine and model") {
  check(cases("consistency", "ranks against machine and model"));
}

TEST_CASE("pipeline and layout") { check(cases("consistency", "pipeline and layout")); }

TEST_CASE("batch, sequence and ranks") { check(cases("consistency", "batch, sequence and ranks")); }

TEST_CASE("precision, memory and communication options") {
  check(cases("consistency", "precision, memory and communication options"));
}

TEST_CASE("model shapes and routing") { check(cases("consistency", "model shapes and routing")); }

TEST_CASE("recorded loads and placements") {
  check(cases("consistency", "recorded loads and placements"));
}

TEST_CASE("rules are left out where a value could not be read") {
  CHECK(errors_of(plan("tp: 3, ep: 5"), {"platform.gpus=none", "workload=unknown"}) ==
        "s.yaml:3:44: batch.sequence_length: 4096 tokens of a context-parallel rank are not "
        "divisible by tp = 3, which "
        "sequence_parallel needs\n"
        "--set workload=unknown: workload: no workload is named \"unknown\" (known: dense, tiny)\n"
        "--set platform.gpus=none: platform.gpus: expected an integer, got \"none\"");
}

TEST_CASE("what fits passes") {
  CHECK(errors_of(kScenario) == "");
  CHECK(errors_of(plan("tp: 8, ep: 8")) == "");  // kv_heads 4 < tp, but 4 divides 8
  CHECK(errors_of(plan("pp: 4, layout: Et|t*3|t*4|L")) == "");
  CHECK(errors_of(plan("pp: 4, vpp: 2, schedule: interleaved, ep: 4")) == "");
  CHECK(errors_of(plan("pp: 2, layout: Et*4|t*4mL"), {"workload.mtp_layers=1"}) == "");
  CHECK(errors_of(kScenario, {"platform.gpus=4"}) == "");  // less than a node
}

namespace {

// A wafer system beside the presets of the fixture.
const std::string kWafers =
    "workload: tiny\n"
    "platform: {systems: 2, wafer: {grid_rows: 10, grid_columns: 10, clock_hz: 1e9, "
    "macs_per_cycle: 4, sram_bytes: 40 "
    "GB, "
    "sram_bytes_per_s: 20 PB/s, fabric_bytes_per_s: 20 PB/s, io_bytes_per_s: 150 GB/s, "
    "gemm_efficiency: 0.5, "
    "attention_efficiency: 0.5}, memoryx: {capacity_bytes: 1 TB, egress_bytes_per_s: 150 GB/s, "
    "ingress_bytes_per_s: "
    "150 "
    "GB/s, update_bytes_per_s: 1 TB/s}, swarmx: {level_bytes_per_s: [150 GB/s]}, prefetch_bytes: 1 "
    "GB, "
    "gradient_buffer_bytes: 1 GB}\n" +
    kBatch;

}  // namespace

TEST_CASE("plans and batches on a wafer system") {
  check(cases("consistency", "plans and batches on a wafer system"));
}
