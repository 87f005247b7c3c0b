// Configs of published models, cut to the keys that shape them (tests/config/huggingface; each
// names its source), against the totals that their publishers print.
#include "config/hf_layers.hpp"

#include <cmath>
#include <filesystem>
#include <set>

#include "catch.hpp"
#include "config/scenario.hpp"
#include "model/layer_ops.hpp"
#include "model/parameters.hpp"

using namespace moesim;

namespace {

enum class Counted { everything, without_input_embedding, without_embeddings };

// In 1e9, with half a unit of the last digit printed; 0: not published as a count.
struct Published {
  const char* name;
  double total, total_rounding;
  double active, active_rounding;
  Counted counted = Counted::everything;  // of the active ones
};

constexpr Counted kWithout = Counted::without_embeddings;
constexpr Counted kOutputOnly = Counted::without_input_embedding;
constexpr Published kPublished[] = {
    {"deepseek-v3", 671, 0.5, 37, 0.5, kOutputOnly},
    {"deepseek-v3.2", 671.9, 0.05, 37, 0.5, kOutputOnly},
    {"deepseek-v4-flash", 284, 0.5, 13, 0.5, kOutputOnly},
    {"deepseek-v4-pro", 1600, 50, 49, 0.5, kOutputOnly},
    {"dots.llm1", 142, 0.5, 14, 0.5},
    {"ernie-4.5-21b-a3b", 21, 0.9, 3, 0.5, kOutputOnly},
    {"ernie-4.5-300b-a47b", 300, 0.5, 47, 0.5, kOutputOnly},
    {"gemma-3-27b", 27, 0.5, 0, 0},
    {"gemma-4-26b-a4b", 25.2, 0.05, 3.8, 0.05},
    {"glm-4.7-flash", 30, 0.5, 3, 0.5, kWithout},
    {"glm-5", 744, 0.5, 40, 0.5, kWithout},
    {"gpt-oss-120b", 116.8, 0.05, 5.1, 0.05, kOutputOnly},
    {"granite-4.0-h-small", 32, 0.5, 9, 0.5},
    {"granite-4.0-h-tiny", 7, 0.5, 1, 0.5},
    {"hunyuan-a13b", 80, 0.5, 13, 0.5},
    {"jamba-v0.1", 52, 0.5, 12, 0.5},
    {"kimi-k2.5", 1040, 5, 32, 0.5, kOutputOnly},
    {"kimi-linear-48b", 48, 0.5, 3, 0.5, kOutputOnly},
    {"lfm2-1.2b", 1.17, 0.005, 0, 0},
    {"lfm2-8b-a1b", 8.3, 0.05, 1.5, 0.05},
    {"ling-1t", 1000, 0.5, 50, 0.5, kOutputOnly},
    {"llama-3-8b", 8.03, 0.005, 0, 0},
    {"llama-4-scout", 109, 0.5, 17, 0.5},
    {"longcat-flash", 560, 0.5, 27, 0.5, kOutputOnly},
    {"mimo-v2-flash", 309, 0.5, 15, 0.5},
    {"minimax-m1", 456, 0.5, 45.9, 0.05, kWithout},
    {"minimax-m2", 230, 0.5, 10, 0.5, kOutputOnly},
    {"mixtral-8x7b", 46.7, 0.05, 12.9, 0.05},
    {"nemotron-3-nano", 31.6, 0.05, 3.6, 0.05},
    {"nemotron-3-super", 120.6, 0.05, 12.7, 0.05},
    {"olmoe-1b-7b", 6.9, 0.05, 1.3, 0.05},
    {"phi-3.5-moe", 41.9, 0.05, 6.6, 0.05},
    {"qwen3-30b-a3b", 30.5, 0.05, 3.3, 0.05},
    {"qwen3-next-80b", 80, 0.5, 3, 0.5, kWithout},
    {"qwen3.5-35b-a3b", 35, 0.5, 3, 0.5, kOutputOnly},
    {"qwen3.5-397b-a17b", 397, 0.5, 17, 0.5},
    {"step-3.5-flash", 196, 0.5, 11, 0.5, kWithout},
};

std::string folder() { return std::string(MOESIM_SOURCE_DIR) + "/tests/config/huggingface"; }

ModelShape model(const std::string& name) {
  return load_workload(folder() + "/" + name + ".json", {}, {});
}

double active(const ModelShape& shape, Counted counted) {
  const double embedding = shape.tied_embeddings ? 0 : embedding_parameters(shape);
  const double without[] = {0, embedding, 2 * embedding};
  return (active_parameters(shape) - without[static_cast<int>(counted)]) / 1e9;
}

int count(const ModelShape& shape, Mixer mixer) {
  int layers = 0;
  for (int i = 0; i < shape.layers; ++i) layers += mixer_of(shape, i) == mixer;
  return layers;
}

}  // namespace

TEST_CASE("total and active parameters of published configs are within 1.5 % and their rounding") {
  for (const Published& published : kPublished) {
    const ModelShape shape = model(published.name);
    const double total = total_parameters(shape) / 1e9;
    UNSCOPED_INFO(published.name << " total " << total << " active "
                                 << active(shape, published.counted));
    CHECK(std::abs(total - published.total) <= 0.015 * published.total + published.total_rounding);
    if (published.active == 0) continue;
    CHECK(std::abs(active(shape, published.counted) - published.active) <=
          0.015 * published.active + published.active_rounding);
  }
}

TEST_CASE("every config of the folder is in the table") {
  std::set<std::string> tested, files;
  for (const Published& published : kPublished) tested.insert(published.name);
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    files.insert(entry.path().stem().string());
  CHECK(files == tested);
}

// torchtitan, pull request 4441: the model built on a meta device, at 4,096 tokens.
TEST_CASE(
    "DeepSeek-V4-Flash: parameters to the last one, FLOPs per token to a tenth of a percent") {
  const ModelShape shape = model("deepseek-v4-flash");
  double total = total_parameters(shape);
  total += layer_parameters(shape, shape.layers).total() + mtp_extra_parameters(shape);
  CHECK(total == 290'942'278'866.0);
  const double flops = model_flops(shape, 1, 4096) / 4096;
  CHECK(std::abs(flops / 92'762'352'876.0 - 1) < 0.001);
  CHECK(count(shape, Mixer::window) == 2);
  CHECK(count(shape, Mixer::compressed_sparse) == 21);
  CHECK(count(shape, Mixer::heavily_compressed) == 20);
  CHECK(mixer_of(shape, shape.layers) == Mixer::window);
}

// docs/model/arithmetic.md, "By hand".
TEST_CASE("FLOPs per token at 131,072 tokens with an indexer are those counted by hand") {
  const auto flops = [](const char* name) {
    return model_flops(model(name), 1, 131'072) / 131'072 / 1e9;
  };
  CHECK(std::abs(flops("deepseek-v3.2") / 540 - 1) < 0.02);
  CHECK(std::abs(flops("glm-5") / 448 - 1) < 0.02);
}

TEST_CASE("patterns of blocks become layers of a mixer and what follows it") {
  const ModelShape nano = model("nemotron-3-nano");
  CHECK(nano.layers == 29);
  CHECK(count(nano, Mixer::mamba) == 23);
  CHECK(count(nano, Mixer::attention) == 6);
  int experts = 0;
  for (int i = 0; i < nano.layers; ++i) experts += has_experts(nano, i);
  CHECK(experts == 23);
  CHECK(ffn_of(nano, 2) == Ffn::none);  // M E M E M * E: a Mamba block before attention
  CHECK(mixer_of(nano, 3) == Mixer::attention);
  CHECK(ffn_of(nano, 3) == Ffn::experts);
  CHECK_FALSE(nano.gated_ffn);
  const ModelShape super = model("nemotron-3-super");
  CHECK(super.moe_latent == 1024);
  CHECK(super.mtp_layers == 1);
  CHECK(mixer_of(super, super.layers) == Mixer::attention);
}

TEST_CASE("layers of several kinds, as their configs list them") {
  CHECK(count(model("jamba-v0.1"), Mixer::attention) == 4);
  CHECK(count(model("jamba-v0.1"), Mixer::mamba) == 28);
  CHECK(count(model("kimi-linear-48b"), Mixer::attention) == 7);
  CHECK(count(model("kimi-linear-48b"), Mixer::linear) == 20);
  CHECK(count(model("lfm2-8b-a1b"), Mixer::convolution) == 18);
  CHECK(count(model("minimax-m1"), Mixer::attention) == 10);
  CHECK(count(model("minimax-m2"), Mixer::attention) == 62);
  CHECK(count(model("glm-5"), Mixer::sparse) == 78);
  const ModelShape mimo = model("mimo-v2-flash");
  CHECK(count(mimo, Mixer::window) == 39);
  CHECK(attention_heads(mimo, Mixer::window).key_value == 8);
  CHECK(attention_heads(mimo, Mixer::attention).key_value == 4);
  CHECK(attention_heads(mimo, Mixer::attention).v_dim == 128);
  const ModelShape step = model("step-3.5-flash");
  CHECK(attention_heads(step, Mixer::window).query == 96);
  CHECK(step.head_gate);
  const ModelShape longcat = model("longcat-flash");
  CHECK(longcat.layers == 56);
  CHECK(has_experts(longcat, 0));
  CHECK_FALSE(has_experts(longcat, 1));
  CHECK(longcat.shared_ffn == longcat.dense_ffn);
  CHECK(longcat.top_k == 8);
  const ModelShape gemma = model("gemma-4-26b-a4b");
  CHECK(attention_heads(gemma, Mixer::attention).key_is_value);
  CHECK(attention_heads(gemma, Mixer::attention).qk_dim == 512);
  CHECK_FALSE(attention_heads(gemma, Mixer::window).key_is_value);
}
