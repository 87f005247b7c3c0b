#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/layer_ops.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE("an FFN: two GEMMs and an activation, in the opposite order backward") {
  const ModelShape shape = workload("llama3-8b");
  const Shard shard = one_sequence(shape, 4096);
  for (const Pass pass : all_passes) {
    std::vector<double> widths;
    for (const Kernel& kernel : dense_ffn_ops(shape, shard, pass))
      if (kernel.kind == KernelKind::gemm)
        widths.push_back(pass == Pass::backward_weight ? kernel.m : kernel.n);
    // fc1 is twice as wide as fc2's input, for the gate.
    if (pass == Pass::forward) CHECK(widths == std::vector<double>{2 * 14336.0, 4096});
    if (pass == Pass::backward_data) CHECK(widths == std::vector<double>{14336, 4096});
    if (pass == Pass::backward_weight) CHECK(widths == std::vector<double>{4096, 2 * 14336.0});
  }
}

TEST_CASE("tensor parallel ranks share the vocabulary") {
  const ModelShape shape = workload("llama3-8b");
  Shard cut = one_sequence(shape, 4096);
  cut.tp = 4;
  const auto logits = [&](const Shard& shard) {
    return sum(output_ops(shape, shard, Pass::forward), 0, gemm_flops);
  };
  CHECK(4 * logits(cut) == Approx(logits(one_sequence(shape, 4096))));
}
