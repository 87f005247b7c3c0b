#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/layer_ops.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE("one local expert needs no sorting") {
  const ModelShape shape = workload("mixtral-8x7b");
  Shard shard = one_sequence(shape, 4096);
  const auto moves = [&] {
    int count = 0;
    for (const Kernel& kernel : expert_ops(shape, shard, Pass::forward)) {
      count += kernel.op == Op::permute || kernel.op == Op::unpermute;
    }
    return count;
  };
  CHECK(moves() == 2);
  shard.local_experts = 1;
  CHECK(moves() == 0);
}

TEST_CASE("a token on the wire") {
  const ModelShape shape = workload("deepseek-v3");
  CHECK(token_bytes(shape, PrecisionRecipe::bf16) == 7168 * 2);
  CHECK(token_bytes(shape, PrecisionRecipe::fp8_block) == 7168 + 7168 / 128 * 4);
}

TEST_CASE("experts with a kernel each: launches by expert, the same work") {
  ModelShape shape = workload("qwen3-30b-a3b");
  Shard shard;
  shard.sequence_length = 4096;
  shard.local_experts = 16;
  shard.recipe = PrecisionRecipe::mxfp8;
  const Kernels together = expert_ops(shape, shard, Pass::forward);
  shard.kernels_per_expert = true;
  const Kernels apart = expert_ops(shape, shard, Pass::forward);
  REQUIRE(apart.size() == together.size());
  for (size_t i = 0; i < apart.size(); ++i) {
    CHECK(apart[i].flops_per_row == together[i].flops_per_row);
    CHECK(apart[i].bytes_per_row == together[i].bytes_per_row);
    if (apart[i].op == Op::cast) CHECK(apart[i].launches == 16 * together[i].launches);
    if (apart[i].kind == KernelKind::grouped_gemm) {
      CHECK(apart[i].launches == 16);
      CHECK(apart[i].host_launches == 32);  // a GEMM and a layout of scales each
    }
  }
}

TEST_CASE("unfused permutation moves twice the bytes, and nothing else changes") {
  ModelShape shape = workload("qwen3-30b-a3b");
  Shard shard;
  shard.sequence_length = 4096;
  shard.local_experts = 16;
  const Kernels fused = router_ops(shape, shard, Pass::forward);
  shard.unfused_permutation = true;
  shard.software.permutation_factor = 2;
  const Kernels unfused = router_ops(shape, shard, Pass::forward);
  REQUIRE(fused.size() == unfused.size());
  for (size_t i = 0; i < fused.size(); ++i)
    CHECK(unfused[i].bytes == fused[i].bytes * (fused[i].op == Op::permute ? 2 : 1));
}
