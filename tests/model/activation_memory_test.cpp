#include "catch.hpp"
#include "model/memory.hpp"
#include "model/parameters.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;

Shard one_sequence(int64_t length) {
  Shard shard;
  shard.sequence_length = length;
  return shard;
}

RecomputePolicy selective(RecomputeModule module) { return {Recompute::selective, {module}}; }

}  // namespace

TEST_CASE(
    "a dense layer saves what Korthikanti et al. count, less dropout and softmax, with SwiGLU") {
  const ModelShape shape = workload("llama2-7b");  // as many key heads as query heads, ffn 11008
  const double per_token = layer_activation_bytes(shape, 0, one_sequence(4096), {}, 0) / 4096;
  // Their 34 h are two norm inputs 4 h, QKV input 2 h, q, k and v 6 h, attention output 2 h, FFN
  // input 2 h; then their 16 h + 4 h bytes of a four times wide GELU FFN become 3 tensors of ffn;
  // and 4 bytes of softmax statistics a head.
  CHECK(per_token == Approx(16.0 * 4096 + 2 * 3 * 11008 + 4 * 32));
}

TEST_CASE("tensor and sequence parallel ranks save a layer's activations between them") {
  for (const char* name : {"llama2-7b", "qwen3-30b-a3b", "deepseek-v3"}) {
    const ModelShape shape = workload(name);
    const Shard whole = one_sequence(4096);
    Shard cut = whole;
    cut.tp = 2, cut.sequence_parallel = true, cut.cp = 2;
    const double rows = 4096.0 * shape.top_k;
    CHECK(4 * layer_activation_bytes(shape, 20, cut, {}, rows / 4) ==
          Approx(layer_activation_bytes(shape, 20, whole, {}, rows)));
  }
}

TEST_CASE("a hot rank pays for every row") {
  const ModelShape shape = workload("qwen3-30b-a3b");
  const Shard shard = one_sequence(4096);
  const double balanced = layer_activation_bytes(shape, 0, shard, {}, 32768);
  const double hot = layer_activation_bytes(shape, 0, shard, {}, 2 * 32768);
  // fc1's input, its output twice as wide as the expert, fc2's input, and the gate's weight.
  CHECK(hot - balanced == Approx(32768.0 * (2 * 2048 + 2 * 3 * 768 + 4)));
}

TEST_CASE("each policy saves what it drops, and the workspace makes it again") {
  const ModelShape shape = workload("deepseek-v3");
  const Shard shard = one_sequence(4096);
  const double rows = 4096 * 8;
  const ActivationBytes all = layer_activations(shape, 10, shard, {}, rows);
  const auto saved_by = [&](RecomputeModule module) {
    return all.total() - layer_activation_bytes(shape, 10, shard, selective(module), rows);
  };
  CHECK(saved_by(RecomputeModule::layernorm) == Approx(all.norm_outputs));
  CHECK(saved_by(RecomputeModule::mla_up_proj) == Approx(all.query_key_value));
  CHECK(saved_by(RecomputeModule::moe_act) == Approx(all.expert_activation));
  CHECK(saved_by(RecomputeModule::shared_experts) == Approx(all.shared_expert));
  CHECK(saved_by(RecomputeModule::mlp) == 0);  // a layer with experts
  CHECK(saved_by(RecomputeModule::core_attn) == Approx(4096.0 * 4 * 128));
  CHECK(saved_by(RecomputeModule::moe) == Approx(all.shared_expert + all.router + all.expert_input +
                                                 all.expert_hidden + all.expert_activation));
  CHECK(layer_activation_bytes(shape, 10, shard, {Recompute::full, {}}, rows) ==
        Approx(2.0 * 4096 * 7168));
  const double none = layer_work(shape, 10, shard, {}, rows).backward.bytes;
  const double full = layer_work(shape, 10, shard, {Recompute::full, {}, {}}, rows).backward.bytes;
  CHECK(full - none == Approx(all.total() - 2.0 * 4096 * 7168));
  CHECK(layer_activations(shape, 0, shard, selective(RecomputeModule::mlp), 0).dense_ffn == 0);
}

TEST_CASE("FP8 saves the inputs of GEMMs in one byte") {
  const ModelShape shape = workload("qwen3-30b-a3b");
  Shard shard = one_sequence(4096);
  const ActivationBytes bf16 = layer_activations(shape, 0, shard, {}, 32768);
  shard.recipe = PrecisionRecipe::fp8_current;
  const ActivationBytes fp8 = layer_activations(shape, 0, shard, {}, 32768);
  CHECK(fp8.expert_activation == Approx(bf16.expert_activation / 2));
  CHECK(fp8.expert_hidden == bf16.expert_hidden);
  CHECK(fp8.attention_output > bf16.attention_output);  // a quantised copy for the projection
  CHECK(fp8.total() < bf16.total());
}

TEST_CASE("full recomputation keeps what it is told to keep") {
  const ModelShape shape = workload("deepseek-v3");
  const Shard shard = one_sequence(4096);
  const auto kept = [&](RecomputeKeep keep) {
    return layer_activation_bytes(shape, 10, shard, {Recompute::full, {}, {keep}}, 32768) -
           2.0 * 4096 * 7168;
  };
  CHECK(kept(RecomputeKeep::router) == Approx(4.0 * 4096 * 256));
  CHECK(kept(RecomputeKeep::attention_projection) == Approx(2.0 * 4096 * 7168));
  CHECK(kept(RecomputeKeep::latents) == Approx(2.0 * 4096 * (512 + 64)));
}

TEST_CASE("what a framework's code keeps of a layer") {
  const ModelShape shape = workload("deepseek-v3");
  Shard shard = one_sequence(4096);
  const double plain = layer_activation_bytes(shape, 10, shard, {}, 32768);
  shard.memory.padded_values = true;
  // Values as wide as keys, 192 instead of 128, and what attention returns once more in that width.
  CHECK(layer_activation_bytes(shape, 10, shard, {}, 32768) - plain ==
        Approx(2.0 * 4096 * 128 * (64 + 192)));
  shard.memory = {};
  shard.memory.saves_expert_output = true;
  CHECK(layer_activation_bytes(shape, 10, shard, {}, 32768) - plain == Approx(2.0 * 32768 * 7168));
  shard.memory = {};
  shard.memory.saves_exchanged_attention = true;
  CHECK(layer_activation_bytes(shape, 10, shard, {}, 32768) == plain);  // nothing is exchanged
  shard.cp = 2;
  CHECK(layer_activation_bytes(shape, 10, shard, {}, 32768) > plain / 2 + 2.0 * 2048 * 128 * 128);
}
