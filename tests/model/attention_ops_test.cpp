#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/layer_ops.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE(
    "attention: half the square when causal, a band with a window, backward 2.5 times where widths "
    "are equal") {
  const ModelShape llama = workload("llama3-8b");
  const Shard shard = one_sequence(llama, 8192);
  const Kernel forward = attention_core_ops(llama, 0, shard, Pass::forward).at(0);
  CHECK(forward.flops == Approx(4.0 * 32 * 128 * 8192 * 8192 / 2));
  CHECK(forward.kv_heads == 8);
  CHECK(attention_core_ops(llama, 0, shard, Pass::backward_data).at(0).flops ==
        Approx(2.5 * forward.flops));
  CHECK(attention_core_ops(llama, 0, shard, Pass::backward_weight).empty());

  const ModelShape v3 = workload("deepseek-v3");
  const Kernel mla = attention_core_ops(v3, 0, shard, Pass::forward).at(0);
  CHECK(mla.flops == Approx(2.0 * 128 * (192 + 128) * 8192 * 8192 / 2));
  CHECK(attention_core_ops(v3, 0, shard, Pass::backward_data).at(0).flops ==
        Approx(mla.flops * 832 / 320));

  const ModelShape oss = workload("gpt-oss-120b");
  double pairs = 0;
  for (int query = 0; query < 8192; ++query) pairs += std::min(query + 1, 128);
  CHECK(attention_core_ops(oss, 0, shard, Pass::forward).at(0).flops ==
        Approx(4.0 * 64 * 64 * pairs));
  CHECK(attention_core_ops(oss, 0, shard, Pass::forward).at(0).window == 128);
  CHECK(attention_core_ops(oss, 1, shard, Pass::forward).at(0).flops ==
        Approx(4.0 * 64 * 64 * 8192 * 8192 / 2));
}

TEST_CASE(
    "keys and values are replicated when there are fewer heads of them than tensor parallel "
    "ranks") {
  const ModelShape shape = workload("qwen3-30b-a3b");
  Shard shard = one_sequence(shape, 4096);
  shard.tp = 8;
  CHECK(attention_core_ops(shape, 0, shard, Pass::forward).at(0).kv_heads == 1);
  for (const Kernel& kernel : attention_in_ops(shape, 0, shard, Pass::forward)) {
    if (kernel.op == Op::qkv_projection) CHECK(kernel.n == (4 + 2) * 128);
  }
}

TEST_CASE("MLA projects up from its latents, and other attention does not") {
  const auto up = [](const char* name) {
    const ModelShape shape = workload(name);
    std::vector<double> inner;
    for (const Kernel& kernel :
         attention_in_ops(shape, 0, one_sequence(shape, 4096), Pass::forward))
      if (kernel.op == Op::mla_up_projection) inner.push_back(kernel.k);
    return inner;
  };
  CHECK(up("deepseek-v3") == std::vector<double>{1536, 512});
  CHECK(up("deepseek-v2-lite") == std::vector<double>{512});  // its queries have no latent
  CHECK(up("qwen3-30b-a3b").empty());
  CHECK(std::string(name_of(Op::mla_up_projection)) == name_of(Op::qkv_projection));
}

TEST_CASE("unfused rotary embeddings move as many times the bytes, in as many kernels") {
  const ModelShape shape = workload("deepseek-v3");
  Shard shard = one_sequence(shape, 4096);
  const auto rope = [&](Pass pass) {
    for (const Kernel& kernel : attention_in_ops(shape, 0, shard, pass))
      if (kernel.op == Op::rope) return kernel;
    return Kernel{};
  };
  const Kernel forward = rope(Pass::forward), backward = rope(Pass::backward_data);
  shard.software.rope_factor = 12;
  CHECK(rope(Pass::forward).bytes == Approx(12 * forward.bytes));
  CHECK(rope(Pass::backward_data).launches == 12 * backward.launches);
}
