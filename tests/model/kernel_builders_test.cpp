#include "model/kernel_builders.hpp"

#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE("grouped GEMMs: weights once, rows as they come, gradients summed over rows into fp32") {
  const ModelShape shape = workload("deepseek-v3");
  Shard shard = one_sequence(shape, 4096);
  shard.local_experts = 4;
  for (const Pass pass : all_passes) {
    int grouped = 0;
    for (const Kernel& kernel : expert_ops(shape, shard, pass)) {
      if (kernel.kind != KernelKind::grouped_gemm) continue;
      ++grouped;
      CHECK(kernel.groups == 4);
      CHECK(kernel.flops == 0);
      CHECK(kernel.rows_are_k == (pass == Pass::backward_weight));
      const bool fc1 = kernel.op == Op::expert_fc1;
      const double weights = 7168.0 * 2048 * (fc1 ? 2 : 1);
      CHECK(kernel.flops_per_row == Approx(2 * weights));
      CHECK(kernel.bytes == Approx(4 * weights * (pass == Pass::backward_weight ? 8 : 2)));
      CHECK(static_cast<double>(kernel.n * (kernel.rows_are_k ? kernel.m : kernel.k)) ==
            Approx(weights));
    }
    CHECK(grouped == 2);
  }
}

TEST_CASE("what a cast moves, by recipe") {
  const ModelShape shape = workload("llama3-8b");
  const auto cast_bytes_per_element = [&](PrecisionRecipe recipe) {
    Shard shard = one_sequence(shape, 4096);
    shard.recipe = recipe;
    for (const Kernel& kernel : attention_out_ops(shape, 0, shard, Pass::forward)) {
      if (kernel.op == Op::cast) return kernel.bytes / (4096.0 * 4096);
    }
    return 0.0;
  };
  CHECK(cast_bytes_per_element(PrecisionRecipe::bf16) == 0);
  CHECK(cast_bytes_per_element(PrecisionRecipe::fp8_delayed) == Approx(2 + 2));
  CHECK(cast_bytes_per_element(PrecisionRecipe::fp8_current) == Approx(2 + 2 + 2));
  CHECK(cast_bytes_per_element(PrecisionRecipe::fp8_block) == Approx(2 + 2 * (1 + 4.0 / 128)));
  CHECK(cast_bytes_per_element(PrecisionRecipe::mxfp8) == Approx(2 + 2 * (1 + 1.0 / 32)));
  CHECK(cast_bytes_per_element(PrecisionRecipe::nvfp4) == Approx(2 + 2 + 2 * (0.5 + 1.0 / 16)));
  CHECK(weight_cast_ops(1e6, PrecisionRecipe::bf16).empty());
  CHECK(weight_cast_ops(1e6, PrecisionRecipe::fp8_delayed).at(0).bytes == Approx(4e6));
}
