#include "model/mixer_ops.hpp"

#include <cmath>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/memory.hpp"
#include "model/parameters.hpp"

using namespace moesim;

namespace {

// Two layers, the mixer under test in both, a dense FFN after it.
ModelShape with(Mixer mixer) {
  return {.layers = 2,
          .hidden = 1024,
          .vocab = 32000,
          .heads = 16,
          .kv_heads = 4,
          .head_dim = 64,
          .sliding_window = 128,
          .index_heads = 8,
          .index_dim = 64,
          .index_topk = 256,
          .compression = 4,
          .heavy_compression = 128,
          .linear_key_heads = 16,
          .linear_value_heads = 16,
          .linear_head_dim = 64,
          .mamba_inner = 2048,
          .mamba_heads = 32,
          .mamba_state = 128,
          .convolution_taps = 3,
          .mixers = {mixer, mixer},
          .dense_ffn = 4096};
}

Shard shard_of(int tp) {
  return {.sequences = 1, .sequence_length = 4096, .tp = tp, .sequence_parallel = tp > 1};
}

Kernels layer(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels = attention_in_ops(shape, 0, shard, pass);
  append(kernels, attention_core_ops(shape, 0, shard, pass));
  append(kernels, attention_out_ops(shape, 0, shard, pass));
  return kernels;
}

double flops(const Kernels& kernels) {
  double sum = 0;
  for (const Kernel& kernel : kernels) sum += kernel.flops;
  return sum;
}

constexpr Mixer kAll[] = {Mixer::attention,          Mixer::window,     Mixer::sparse,
                          Mixer::compressed_sparse,  Mixer::linear,     Mixer::mamba,
                          Mixer::heavily_compressed, Mixer::convolution};

}  // namespace

TEST_CASE("a layer's kernels multiply what its projections hold, twice as much backward") {
  for (const Mixer mixer : kAll) {
    const ModelShape shape = with(mixer);
    const Shard shard = shard_of(1);
    double gemms[3] = {};
    for (const Pass pass : {Pass::forward, Pass::backward_data, Pass::backward_weight})
      for (const Kernel& kernel : layer(shape, shard, pass))
        if (kernel.kind == KernelKind::gemm) gemms[static_cast<int>(pass)] += kernel.flops;
    UNSCOPED_INFO(spelling(mixer));
    CHECK(gemms[0] == Approx(2 * 4096 * mixer_projections(shape, mixer).weights()));
    CHECK(gemms[1] == Approx(gemms[0]));
    CHECK(gemms[2] == Approx(gemms[0]));
  }
}

TEST_CASE("kernels' FLOPs forward are the model's, where keys are not counted in full") {
  for (const Mixer mixer : {Mixer::attention, Mixer::window, Mixer::sparse, Mixer::linear,
                            Mixer::mamba, Mixer::convolution}) {
    ModelShape shape = with(mixer);
    shape.compression = 0;
    shape.dense_ffn = 0;
    UNSCOPED_INFO(spelling(mixer));
    CHECK(flops(layer(shape, shard_of(1), Pass::forward)) ==
          Approx(2 * 4096 * layer_macs(shape, 0, 4096)).epsilon(0.02));
  }
}

TEST_CASE("tensor parallelism cuts a recurrence in equal parts") {
  for (const Mixer mixer : {Mixer::linear, Mixer::mamba, Mixer::convolution}) {
    const ModelShape shape = with(mixer);
    for (const Pass pass : {Pass::forward, Pass::backward_data, Pass::backward_weight})
      CHECK(flops(layer(shape, shard_of(4), pass)) ==
            Approx(flops(layer(shape, shard_of(1), pass)) / 4).epsilon(0.01));
  }
}

TEST_CASE("sparse attention reads its choice, whatever the length; the indexer reads all") {
  const ModelShape shape = with(Mixer::sparse);
  Shard shard = shard_of(1);
  const auto per_token = [&](Op op) {
    double sum = 0;
    for (const Kernel& kernel : attention_core_ops(shape, 0, shard, Pass::forward))
      if (kernel.op == op) sum += kernel.flops;
    return sum / static_cast<double>(shard.sequence_length);
  };
  shard.sequence_length = 65'536;
  const double chosen = per_token(Op::attention), scored = per_token(Op::indexer);
  CHECK(chosen == Approx(2.0 * 256 * 16 * 128).epsilon(0.01));
  CHECK(scored == Approx(2.0 * 32'768 * 8 * 64).epsilon(0.01));
  shard.sequence_length *= 2;
  CHECK(per_token(Op::attention) == Approx(chosen).epsilon(0.01));
  CHECK(per_token(Op::indexer) == Approx(2 * scored).epsilon(0.01));
}

TEST_CASE("residual streams cost bytes in proportion, one costs none") {
  ModelShape shape = with(Mixer::attention);
  Kernels one, four;
  add_stream_mixing(one, shape, 0, shard_of(1), Pass::forward);
  CHECK(one.empty());
  shape.residual_streams = 4;
  add_stream_mixing(four, shape, 0, shard_of(1), Pass::forward);
  REQUIRE(four.size() == 1);
  CHECK(four[0].bytes == 2 * (3 * 4 + 2) * 2.0 * 4096 * 1024);
  CHECK(four[0].flops == Approx(2 * 2 * 24.0 * 4 * 4096 * 1024));
}

TEST_CASE("a layer without a mixer, or without what follows it, has no kernels for it") {
  ModelShape shape = with(Mixer::none);
  CHECK(layer(shape, shard_of(1), Pass::forward).empty());
  CHECK(layer_parameters(shape, 0).attention == 0);
  CHECK(layer_parameters(shape, 0).norms == 1024);
  shape.ffns = {Ffn::none, Ffn::dense};
  shape.mixers = {Mixer::mamba, Mixer::mamba};
  CHECK(layer_parameters(shape, 0).dense_ffn == 0);
  CHECK(layer_parameters(shape, 1).dense_ffn == 3.0 * 1024 * 4096);
}

TEST_CASE("every mixer saves something for its backward, less where tensor parallelism cuts it") {
  for (const Mixer mixer : kAll) {
    const ModelShape shape = with(mixer);
    const double whole = layer_activation_bytes(shape, 0, shard_of(1), {}, 0);
    const double part = layer_activation_bytes(shape, 0, shard_of(4), {}, 0);
    UNSCOPED_INFO(spelling(mixer));
    CHECK(part == Approx(whole / 4).epsilon(0.05));
    CHECK(whole > 4.0 * 4096 * 1024);
  }
}

TEST_CASE("experts in a narrower space: tokens travel in it, and the way in and out is computed") {
  ModelShape shape = with(Mixer::attention);
  shape.experts = 8;
  shape.top_k = 2;
  shape.moe_ffn = 512;
  const double plain = flops(router_ops(shape, shard_of(1), Pass::forward));
  const double wide = token_bytes(shape, PrecisionRecipe::bf16);
  shape.moe_latent = 256;
  CHECK(token_bytes(shape, PrecisionRecipe::bf16) == wide / 4);
  CHECK(flops(router_ops(shape, shard_of(1), Pass::forward)) ==
        Approx(plain + 2 * 4096.0 * 1024 * 256));
  CHECK(flops(combine_ops(shape, shard_of(1), Pass::forward)) == Approx(2 * 4096.0 * 1024 * 256));
  CHECK(layer_parameters(shape, 0).experts == 8 * 3.0 * 256 * 512);
  CHECK(layer_parameters(shape, 0).router == 1024 * 8.0 + 2 * 1024 * 256);
}
