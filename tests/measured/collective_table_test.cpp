#include "measured/collective_table.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "config/scenario.hpp"

using namespace moesim;

namespace {

const SearchPath kData{{MOESIM_SOURCE_DIR}};

std::vector<MeasuredCollective> read(const std::string& text) {
  const MemoryFiles files(std::map<std::string, std::string>{{"c.csv", text}});
  return read_collective_table("c.csv", files);
}

double predicted(const Pod& pod, const MeasuredCollective& row) {
  return predicted_s(pod, prepare(pod, row));
}

}  // namespace

TEST_CASE("Table of collectives: columns in any order, all problems at once") {
  const auto rows =
      read("gpus,collective,library,platform,bytes,time_us\n8,all-gather,nccl,h100-sxm,1e9,2500\n");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].gpus == 8);
  CHECK(rows[0].seconds == Approx(2.5e-3));
  CHECK(class_of(rows[0]) == "h100-sxm nccl all-gather, 1 MB and more");
  try {
    read(
        "gpus,collective,library,platform,bytes,time_us\n8,gather,mpi,h100-sxm,1e9,x\n1,dispatch,"
        "nccl,h100-sxm,,5\n");
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(error.what() ==
          std::string("c.csv:2:27: time_us: expected a number of at least 0, got \"x\"\n"
                      "c.csv:2:10: library: expected nccl, deepep or hybridep, got \"mpi\"\n"
                      "c.csv:2:3: collective: \"gather\" is not known\n"
                      "c.csv:2:27: time_us: more than 0\n"
                      "c.csv:3:1: gpus: at least 2\n"
                      "c.csv:3:1: experts: dispatch and combine need tokens, hidden, top_k and at "
                      "least one expert per "
                      "device"));
  }
  CHECK_THROWS_WITH(read("gpus\n8\n"), "c.csv:1:1: the header has no column \"collective\"");
}

TEST_CASE("Table of collectives: sizes that no machine has, and choices that no router makes") {
  const std::string header =
      "gpus,collective,library,platform,tokens,hidden,experts,top_k,n_group,time_us\n";
  CHECK_THROWS_WITH(read(header + "4e9,dispatch,nccl,h100-sxm,64,128,64,4,1,9\n"),
                    "c.csv:2:1: gpus: must be at most 65536, got 4e+09\n"
                    "c.csv:2:1: gpus: at least 2");
  CHECK_THROWS_WITH(read(header + "8,dispatch,nccl,h100-sxm,64,128,128,100,1,9\n"),
                    "c.csv:2:1: routing.top_k: 100 of 128 experts; at most 64");
  CHECK_THROWS_WITH(read(header + "8,combine,nccl,h100-sxm,64,128,64,4,5,9\n"),
                    "c.csv:2:1: routing.n_group: 64 experts do not form 5 groups");
}

TEST_CASE("A collective alone: start-up and the busiest port") {
  Pod pod = load_pod("ideal-pod-450-50", {"gpus=64"}, kData);
  MeasuredCollective row;
  row.library = "nccl";
  row.collective = "all-gather";
  row.gpus = 8;
  row.bytes = 8e9;
  CHECK(predicted(pod, row) == Approx(7e9 / 450e9).epsilon(1e-3));
  row.collective = "all-to-all";
  row.gpus = 16;
  row.bytes = 16e9;  // half of it leaves the node
  CHECK(predicted(pod, row) == Approx(8e9 / 50e9).epsilon(1e-3));
}

TEST_CASE("Dispatch sends a token once per node with DeepEP, every copy with NCCL") {
  Pod pod = load_pod("ideal-pod-450-50", {"gpus=16"}, kData);
  MeasuredCollective row;
  row.collective = "dispatch", row.gpus = 16;
  row.tokens = 4096, row.hidden = 1000, row.token_bytes = 2000;
  row.top_k = 8, row.experts = 128;
  row.library = "nccl";
  CHECK(predicted(pod, row) ==
        Approx(4096 * 2000 * 4 / 50e9).epsilon(0.05));  // 4 of 8 copies leave
  row.library = "deepep";
  CHECK(predicted(pod, row) == Approx(4096 * 2000 * 0.996 / 50e9).epsilon(0.05));
}

TEST_CASE("SMs that copy limit DeepEP inside a node") {
  MeasuredCollective row =
      read(
          "library,collective,platform,gpus,tokens,hidden,top_k,experts,precision,sms,time_us\n"
          "deepep,dispatch,p,8,4096,1000,8,64,bf16,10,1\n")
          .at(0);
  CHECK(row.sms == 10);
  Pod pod = load_pod("ideal-pod-450-50", {"gpus=8"}, kData);
  const double at_full_rate = predicted(pod, row);
  pod.dispatchers[Dispatcher::deepep].sm_token_s = 1e-6;
  pod.dispatchers[Dispatcher::deepep].sm_bytes_per_s = 2e9;  // 2 us a token
  CHECK(predicted(pod, row) == Approx(at_full_rate * 450e9 / (10 * 2000 / 2e-6)).epsilon(0.01));
  row.sms = 0;
  CHECK(predicted(pod, row) == at_full_rate);
}
