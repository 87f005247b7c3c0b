#include "model/layer_ops.hpp"

#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/parameters.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE("forward GEMMs do two FLOPs per active weight and token, in every layer") {
  for (const char* name :
       {"llama3-8b", "gptj-6b", "deepseek-v3", "qwen3-30b-a3b", "mixtral-8x7b"}) {
    const ModelShape shape = workload(name);
    const Shard shard = one_sequence(shape, 4096);
    for (int layer = 0; layer < shape.layers; ++layer) {
      const LayerParameters parts = layer_parameters(shape, layer);
      const double used =
          has_experts(shape, layer) ? static_cast<double>(shape.top_k) / shape.experts : 0;
      const double weights = parts.total() - parts.norms - parts.experts * (1 - used);
      INFO(name << " layer " << layer);
      REQUIRE(layer_sum(shape, layer, shard, Pass::forward, gemm_flops) ==
              Approx(2 * weights * 4096));
    }
  }
}

TEST_CASE("both backward GEMM passes do what the forward pass does") {
  for (const char* name : every_kind) {
    const ModelShape shape = workload(name);
    const Shard shard = one_sequence(shape, 2048);
    for (int layer = 0; layer <= shape.layers; ++layer) {
      const double forward = layer_sum(shape, layer, shard, Pass::forward, gemm_flops);
      REQUIRE(layer_sum(shape, layer, shard, Pass::backward_data, gemm_flops) == Approx(forward));
      REQUIRE(layer_sum(shape, layer, shard, Pass::backward_weight, gemm_flops) == Approx(forward));
    }
    const double logits = sum(output_ops(shape, shard, Pass::forward), 0, gemm_flops);
    CHECK(logits == Approx(2.0 * 2048 * shape.hidden * shape.vocab));
    CHECK(sum(output_ops(shape, shard, Pass::backward_data), 0, gemm_flops) == Approx(logits));
    CHECK(sum(output_ops(shape, shard, Pass::backward_weight), 0, gemm_flops) == Approx(logits));
  }
}

TEST_CASE(
    "tensor, sequence, context and expert-tensor parallel ranks do the whole work between them") {
  for (const char* name : every_kind) {
    const ModelShape shape = workload(name);
    const Shard whole = one_sequence(shape, 8192);
    Shard cut = whole;
    cut.tp = 2, cut.cp = 4, cut.sequence_parallel = true, cut.etp = 2;
    for (const Pass pass : all_passes) {
      for (const int layer : {0, shape.layers - 1}) {
        INFO(name << " layer " << layer << " pass " << static_cast<int>(pass));
        const double shards = cut.tp * cut.cp;
        // cut.etp ranks share the rows of a token, so rows on a rank are twice their share.
        CHECK(shards * layer_sum(shape, layer, cut, pass, flops_of) ==
              Approx(layer_sum(shape, layer, whole, pass, flops_of)));
      }
    }
  }
}

TEST_CASE(
    "twice the sequences: twice the FLOPs and the activations' bytes, the weights' bytes once") {
  const ModelShape shape = workload("qwen3-30b-a3b");
  Shard one = one_sequence(shape, 4096), two = one, four = one;
  two.sequences = 2, four.sequences = 4;
  for (const Pass pass : all_passes) {
    CHECK(layer_sum(shape, 0, two, pass, flops_of) ==
          Approx(2 * layer_sum(shape, 0, one, pass, flops_of)));
    const double bytes = layer_sum(shape, 0, one, pass, bytes_of),
                 twice = layer_sum(shape, 0, two, pass, bytes_of);
    CHECK(twice > bytes);
    CHECK(twice < 2 * bytes);
    CHECK(layer_sum(shape, 0, four, pass, bytes_of) - twice == Approx(2 * (twice - bytes)));
  }
}

TEST_CASE("recipes: GEMMs of layers are quantised; router, logits and attention are not") {
  const ModelShape shape = workload("deepseek-v3");
  Shard bf16 = one_sequence(shape, 4096), fp8 = bf16, fp4 = bf16;
  fp8.recipe = PrecisionRecipe::mxfp8;
  fp4.recipe = PrecisionRecipe::nvfp4;
  CHECK(sum(layer_kernels(shape, 10, bf16, Pass::forward), 0, [](const Kernel& kernel, double) {
          return kernel.op == Op::cast || kernel.precision != Precision::bf16;
        }) == 0);
  for (const Pass pass : all_passes) {
    CHECK(layer_sum(shape, 10, fp8, pass, flops_of) ==
          Approx(layer_sum(shape, 10, bf16, pass, flops_of)));
    for (const Kernel& kernel : layer_kernels(shape, 10, fp4, pass)) {
      const bool gemm = kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::grouped_gemm;
      CHECK((kernel.precision == Precision::fp4) == (gemm && kernel.op != Op::router));
    }
  }
  for (const Kernel& kernel : output_ops(shape, fp8, Pass::forward))
    CHECK(kernel.precision == Precision::bf16);
  Shard quantized = fp8;
  quantized.quantized_output = true;
  const Kernels logits = output_ops(shape, quantized, Pass::forward);
  CHECK(std::any_of(logits.begin(), logits.end(), [](const Kernel& kernel) {
    return kernel.op == Op::logits && kernel.precision == Precision::fp8;
  }));
}

TEST_CASE("no kernel is empty, and passes are what was asked for") {
  for (const char* name : every_kind) {
    const ModelShape shape = workload(name);
    Shard shard = one_sequence(shape, 4096);
    for (const PrecisionRecipe recipe :
         {PrecisionRecipe::bf16, PrecisionRecipe::fp8_current, PrecisionRecipe::nvfp4}) {
      shard.recipe = recipe;
      for (const Pass pass : all_passes) {
        Kernels kernels = layer_kernels(shape, shape.layers - 1, shard, pass);
        for (const Kernels& more :
             {embedding_ops(shape, shard, pass), output_ops(shape, shard, pass),
              mtp_projection_ops(shape, shard, pass)}) {
          kernels.insert(kernels.end(), more.begin(), more.end());
        }
        for (const Kernel& kernel : kernels) {
          INFO(name << " " << name_of(kernel.op));
          REQUIRE(kernel.pass == pass);
          REQUIRE(bytes_of(kernel, 1000) > 0);
          REQUIRE(kernel.launches >= 1);
          if (kernel.kind == KernelKind::gemm) {
            REQUIRE(kernel.flops ==
                    Approx(2.0 * static_cast<double>(kernel.m) * static_cast<double>(kernel.n) *
                           static_cast<double>(kernel.k)));
          }
        }
      }
    }
  }
}
