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

TEST_CASE(
    "an unfused loss and activation move the bytes that the framework says, and nothing else") {
  const ModelShape shape = workload("llama3-8b");
  const Shard fused = one_sequence(shape, 4096);
  Shard unfused = fused;
  unfused.software.loss_forward_bytes = 18;
  unfused.software.loss_backward_bytes = 22;
  unfused.software.activation_factor = 2;
  const auto bytes = [](const Kernels& kernels, KernelKind kind) {
    double sum = 0;
    for (const Kernel& kernel : kernels)
      if (kernel.kind == kind) sum += kernel.bytes;
    return sum;
  };
  const double logits = 4096.0 * shape.vocab;
  for (const auto& [pass, more] :
       {std::pair(Pass::forward, 12.0), std::pair(Pass::backward_data, 18.0)}) {
    const Kernels before = output_ops(shape, fused, pass), after = output_ops(shape, unfused, pass);
    CHECK(bytes(after, KernelKind::memory) - bytes(before, KernelKind::memory) ==
          Approx(more * logits));
    CHECK(bytes(after, KernelKind::gemm) == bytes(before, KernelKind::gemm));
  }
  // Gated: gate, up and product, 3 tensors of bf16 forward, once more.
  const Kernels before = dense_ffn_ops(shape, fused, Pass::forward);
  const Kernels after = dense_ffn_ops(shape, unfused, Pass::forward);
  CHECK(bytes(after, KernelKind::memory) - bytes(before, KernelKind::memory) ==
        Approx(3 * 2 * 4096.0 * 14336));
}
