#include "metrics/kernel_rows.hpp"

#include "catch.hpp"
#include "graph/program.hpp"

using namespace moesim;

TEST_CASE("kernels of a step are counted over the blocks that run them") {
  Program program;
  program.simulated_ranks = 2;
  KernelUse product{program.op("dense_ffn"), "forward", "4x5x6", "measured range", 240, 0, 1000};
  const uint32_t first = program.kernel(product);
  CHECK(program.kernel(product) == first);
  product.shape = "7x5x6";
  product.measured = false;
  const uint32_t second = program.kernel(product);
  CHECK(second != first);

  KernelChain chain;
  chain.parts.push_back({0, Phase::forward, 0, 0.5, first});
  chain.parts.push_back({0, Phase::forward, 1, 2.0, second});
  chain.parts.push_back({0, Phase::forward, 1, 9.0, kNoKernel});
  program.chains.push_back(run);
  TaskGraphBuilder builder("block", 2);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    Task task;
    task.kind = TaskKind::compute;
    task.rank = rank;
    builder.add(task);
  }
  program.templates.push_back(std::move(builder).freeze());
  for (int i = 0; i < 3; ++i) program.add_block({});

  const std::vector<KernelRow> rows = kernel_rows(program);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].shape == "7x5x6");
  CHECK_FALSE(rows[0].measured);
  CHECK(rows[0].op == "dense_ffn");
  CHECK(rows[0].count == 3);
  CHECK(rows[0].seconds == Approx(6));
  CHECK(rows[1].seconds == Approx(1.5));
  CHECK(rows[1].efficiency == Approx(240 / 0.5 / 1000));
}
