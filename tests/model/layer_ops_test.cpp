#include "model/layer_ops.hpp"

#include <algorithm>
#include <functional>

#include "catch.hpp"
#include "model/parameters.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

namespace {

constexpr Pass all_passes[] = {Pass::forward, Pass::backward_data, Pass::backward_weight};

Shard one_sequence(const ModelShape& shape, int64_t length) {
  Shard shard;
  shard.sequence_length = length;
  shard.local_experts = shape.experts;
  return shard;
}

double balanced_rows(const ModelShape& shape, const Shard& shard) {
  return static_cast<double>(shard.local_tokens()) * shape.top_k * shard.etp;
}

using Amount = std::function<double(const Kernel&, double rows)>;
double flops_of(const Kernel& kernel, double rows) {
  return kernel.flops + rows * kernel.flops_per_row;
}
double bytes_of(const Kernel& kernel, double rows) {
  return kernel.bytes + rows * kernel.bytes_per_row;
}

Kernels layer_kernels(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  Kernels all;
  const auto append = [&all](const Kernels& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  append(attention_in_ops(shape, layer, shard, pass));
  append(attention_core_ops(shape, layer, shard, pass));
  append(attention_out_ops(shape, layer, shard, pass));
  if (!has_experts(shape, layer)) {
    append(dense_ffn_ops(shape, shard, pass));
    return all;
  }
  append(router_ops(shape, shard, pass));
  append(shared_expert_ops(shape, shard, pass));
  append(expert_ops(shape, shard, pass));
  append(combine_ops(shape, shard, pass));
  return all;
}

double sum(const Kernels& kernels, double rows, const Amount& amount) {
  double total = 0;
  for (const Kernel& kernel : kernels) total += amount(kernel, rows);
  return total;
}

double layer_sum(const ModelShape& shape, int layer, const Shard& shard, Pass pass,
                 const Amount& amount) {
  return sum(layer_kernels(shape, layer, shard, pass), balanced_rows(shape, shard), amount);
}

double gemm_flops(const Kernel& kernel, double rows) {
  const bool gemm = kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::grouped_gemm;
  return gemm ? flops_of(kernel, rows) : 0;
}

const char* const every_kind[] = {"deepseek-v3",        "deepseek-v2-lite", "qwen3-30b-a3b",
                                  "qwen3-next-80b-a3b", "gpt-oss-120b",     "llama-4-maverick",
                                  "mixtral-8x7b",       "llama3-8b",        "gptj-6b",
                                  "qwen2-57b-a14b"};

}  // namespace

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

TEST_CASE("a token on the wire") {
  const ModelShape shape = workload("deepseek-v3");
  CHECK(token_bytes(shape, PrecisionRecipe::bf16) == 7168 * 2);
  CHECK(token_bytes(shape, PrecisionRecipe::fp8_block) == 7168 + 7168 / 128 * 4);
}

TEST_CASE("the optimizer's bytes follow its shard") {
  const Kernels kernels = optimizer_ops(1e9, 4);
  // Norm 4, clip 8, Adam 4 + 24, copy 4 + 2.
  CHECK(sum(kernels, 0, bytes_of) == Approx(46e9));
  CHECK(sum(optimizer_ops(2e9, 4), 0, bytes_of) == Approx(92e9));
  CHECK(optimizer_ops(0, 4).empty());
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
      CHECK(apart[i].launches == 4);        // of 16, on each of four streams
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
