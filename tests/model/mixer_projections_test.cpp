#include "model/mixer_projections.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("grouped-query attention with a latent of the query and of the output") {
  const ModelShape shape{.hidden = 512,
                         .heads = 8,
                         .kv_heads = 1,
                         .head_dim = 64,
                         .q_lora_rank = 128,
                         .key_is_value = true,
                         .output_groups = 2,
                         .output_rank = 32};
  const MixerProjections parts = mixer_projections(shape, Mixer::attention);
  REQUIRE(parts.before.size() == 3);
  CHECK_FALSE(parts.before[0].sharded);
  CHECK(parts.before[0].weights() == 512 * 128);
  CHECK(parts.before[1].weights() == 128 * 512);
  CHECK(parts.before[2].weights() == 512 * 64);
  REQUIRE(parts.after.size() == 2);
  CHECK(parts.after[0].weights() == 256 * 64);
  CHECK(parts.after[1].weights() == 64 * 512);
}

TEST_CASE("an indexer and a compressor add their projections to attention") {
  const ModelShape shape{.hidden = 7168,
                         .attention = AttentionKind::mla,
                         .heads = 128,
                         .q_lora_rank = 1536,
                         .kv_lora_rank = 512,
                         .qk_nope_dim = 128,
                         .qk_rope_dim = 64,
                         .v_dim = 128,
                         .index_heads = 64,
                         .index_dim = 128,
                         .index_topk = 2048};
  const double more = mixer_projections(shape, Mixer::sparse).weights() -
                      mixer_projections(shape, Mixer::attention).weights();
  CHECK(more == 1536.0 * 64 * 128 + 7168.0 * 64 + 7168.0 * 128);
  CHECK(compressor_projections(shape, Mixer::sparse).empty());
  CHECK(indexer_projections(shape, Mixer::heavily_compressed).empty());
}

// Mamba-2 as Nemotron-3-Nano has it, Mamba-1 as Jamba has it.
TEST_CASE("state spaces: their matrices by hand") {
  const ModelShape two{.hidden = 2688,
                       .mamba_inner = 4096,
                       .mamba_heads = 64,
                       .mamba_state = 128,
                       .mamba_groups = 8};
  const MixerProjections parts = mixer_projections(two, Mixer::mamba);
  CHECK(parts.weights() == 2688.0 * (2 * 4096 + 2 * 8 * 128 + 64) + 4096.0 * 2688);
  CHECK(convolution_width(two, Mixer::mamba) == 4096 + 2 * 8 * 128);
  // Convolution and its bias, three numbers a head, a norm of the inner width.
  CHECK(parts.biases == (4 + 1) * (4096.0 + 2048) + 3 * 64 + 4096);
  const ModelShape one{
      .hidden = 4096, .mamba_inner = 8192, .mamba_state = 16, .mamba_dt_rank = 256};
  CHECK(mixer_projections(one, Mixer::mamba).weights() ==
        4096.0 * 16384 + 8192.0 * (256 + 32) + 256.0 * 8192 + 8192.0 * 4096);
}

TEST_CASE("linear attentions and short convolutions: their matrices by hand") {
  ModelShape shape{
      .hidden = 2304, .linear_key_heads = 32, .linear_value_heads = 32, .linear_head_dim = 128};
  const double width = 32 * 128;
  CHECK(mixer_projections(shape, Mixer::linear).weights() ==
        2304 * (4 * width + 2 * 32) + width * 2304);
  shape.linear_kind = LinearKind::kimi_delta;
  CHECK(mixer_projections(shape, Mixer::linear).weights() ==
        2304 * (3 * width + 32 + 2 * 128) + 2 * 128 * width + width * 2304);
  CHECK(convolution_taps(shape, Mixer::linear) == 4);
  shape.linear_kind = LinearKind::lightning;
  CHECK(mixer_projections(shape, Mixer::linear).weights() == 5 * 2304 * width);
  CHECK(convolution_taps(shape, Mixer::linear) == 0);
  shape.convolution_taps = 3;
  CHECK(mixer_projections(shape, Mixer::convolution).weights() == 4.0 * 2304 * 2304);
  CHECK(mixer_projections(shape, Mixer::none).weights() == 0);
}
