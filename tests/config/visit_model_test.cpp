#include <tuple>

#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

TEST_CASE("keys of the workload reach their members") {
  const ModelShape w =
      load_text(kScenario, {"workload.qk_norm=true", "workload.shared_experts=1",
                            "workload.shared_ffn=256", "workload.first_dense_layers=2",
                            "workload.dense_ffn=4096", "workload.sliding_window=1024",
                            "workload.gated_ffn=false", "workload.tied_embeddings=true"})
          .scenario.workload;
  CHECK(std::pair(w.layers, w.experts) == std::pair(8, 32));
  CHECK(w.qk_norm);
  CHECK(std::tuple(w.shared_experts, w.shared_ffn, w.first_dense_layers, w.dense_ffn) ==
        std::tuple(1, 256, 2, 4096));
  CHECK(w.sliding_window == 1024);
  CHECK_FALSE(w.gated_ffn);
  CHECK(w.tied_embeddings);
}

TEST_CASE("recorded counts are rows of four numbers") {
  const RoutingSpec routing =
      load_text(kScenario + "routing: {kind: recorded, recorded: [[0, 7, 3, 2.5]]}\n")
          .scenario.routing;
  REQUIRE(routing.recorded.size() == 1);
  CHECK(routing.recorded[0].layer == 0);
  CHECK(routing.recorded[0].step == 7);
  CHECK(routing.recorded[0].expert == 3);
  CHECK(routing.recorded[0].tokens == 2.5);
  CHECK(errors_of(kScenario + "routing: {kind: recorded, recorded: [[0, 7, 3]]}\n") != "");
}
