#include "model/mixer_projections.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("grouped-query attention with a latent of the query and of the output") {
  ModelShape shape;
  shape.hidden = 512;
  shape.heads = 8;
  shape.kv_heads = 1;
  shape.head_dim = 64;
  shape.q_lora_rank = 128;
  shape.key_is_value = true;
  shape.output_groups = 2;
  shape.output_rank = 32;
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
  ModelShape shape;
  shape.attention = AttentionKind::mla;
  shape.hidden = 7168;
  shape.heads = 128;
  shape.q_lora_rank = 1536;
  shape.kv_lora_rank = 512;
  shape.qk_nope_dim = 128;
  shape.qk_rope_dim = 64;
  shape.v_dim = 128;
  shape.index_heads = 64;
  shape.index_dim = 128;
  shape.index_topk = 2048;
  const double more = mixer_projections(shape, Mixer::sparse).weights() -
                      mixer_projections(shape, Mixer::attention).weights();
  CHECK(more == 1536.0 * 64 * 128 + 7168.0 * 64 + 7168.0 * 128);
  CHECK(compressor_projections(shape, Mixer::sparse).empty());
  CHECK(indexer_projections(shape, Mixer::heavily_compressed).empty());
}

// Mamba-2 as Nemotron-3-Nano has it, Mamba-1 as Jamba has it.
TEST_CASE("state spaces: their matrices by hand") {
  ModelShape two;
  two.hidden = 2688;
  two.mamba_inner = 4096;
  two.mamba_heads = 64;
  two.mamba_state = 128;
  two.mamba_groups = 8;
  const MixerProjections parts = mixer_projections(two, Mixer::mamba);
  CHECK(parts.weights() == 2688.0 * (2 * 4096 + 2 * 8 * 128 + 64) + 4096.0 * 2688);
  CHECK(convolution_width(two, Mixer::mamba) == 4096 + 2 * 8 * 128);
  // Convolution and its bias, three numbers a head, a norm of the inner width.
  CHECK(parts.biases == (4 + 1) * (4096.0 + 2048) + 3 * 64 + 4096);
  ModelShape one;
  one.hidden = 4096;
  one.mamba_inner = 8192;
  one.mamba_state = 16;
  one.mamba_dt_rank = 256;
  CHECK(mixer_projections(one, Mixer::mamba).weights() ==
        4096.0 * 16384 + 8192.0 * (256 + 32) + 256.0 * 8192 + 8192.0 * 4096);
}

TEST_CASE("linear attentions and short convolutions: their matrices by hand") {
  ModelShape shape;
  shape.hidden = 2304;
  shape.linear_key_heads = shape.linear_value_heads = 32;
  shape.linear_head_dim = 128;
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
