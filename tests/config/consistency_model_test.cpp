#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

std::string error(const std::string& more, const std::vector<std::string>& sets = {}) {
  return input_error(
      [&] { load_text("workload: {base: tiny, " + more + "}\nplatform: pod\n" + kBatch, sets); });
}

const std::string kEight = "[mamba, mamba, mamba, mamba, mamba, mamba, mamba, attention]";

}  // namespace

TEST_CASE("lists of layers have an entry for each layer, with or without prediction layers") {
  CHECK(error("mixers: [attention, attention]") ==
        "s.yaml:1:32: workload.mixers: mixers has 2 entries for 8 layers");
  CHECK(error("ffns: [experts]") == "s.yaml:1:30: workload.ffns: ffns has 1 entries for 8 layers");
  CHECK(error("layers: 1, mtp_layers: 1, mixers: [attention, attention]") == "");
}

TEST_CASE("what a list names has its sizes") {
  CHECK(error("mixers: " + kEight) ==
        "s.yaml:1:32: workload.mixers: mamba layers need mamba_inner, mamba_state and mamba_heads "
        "or mamba_dt_rank");
  CHECK(error("mixers: " + kEight + ", mamba_inner: 2048, mamba_state: 64, mamba_heads: 32") == "");
  CHECK(error("layers: 1, mixers: [window]") ==
        "s.yaml:1:43: workload.mixers: window layers need sliding_window");
  CHECK(error("layers: 1, mixers: [sparse]") ==
        "s.yaml:1:43: workload.mixers: sparse layers need index_heads, index_dim and index_topk");
  CHECK(error("index_topk: 64") ==
        "s.yaml:1:36: workload.index_topk: sparse attention needs index_heads and index_dim");
  CHECK(error("layers: 1, ffns: [dense]") ==
        "s.yaml:1:41: workload.ffns: dense layers need dense_ffn");
}

TEST_CASE("tensor parallelism divides what it cuts") {
  const std::string sizes = ", mamba_inner: 2048, mamba_state: 64, mamba_heads: 6";
  CHECK(error("mixers: " + kEight + sizes, {"plan.tp=4", "plan.sequence_parallel=true"}) ==
        "--set plan.tp=4: plan.tp: mamba_heads = 6 is not divisible by tp = 4");
}

TEST_CASE("a workload alone is held to the rules of the model") {
  CHECK(input_error([] {
          load_workload("w.yaml", {}, {},
                        one_file("w.yaml",
                                 "layers: 2\nhidden: 64\nvocab: 10\nheads: 2\n"
                                 "kv_heads: 2\nhead_dim: 32\ndense_ffn: 64\n"
                                 "mixers: [convolution, attention]\n"));
        }) == "workload.mixers: convolution layers need convolution_taps");
}
