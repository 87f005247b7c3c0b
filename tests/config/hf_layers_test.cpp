// Configs of published models, cut to the keys that shape them (tests/config/huggingface; each
// names its source), against the totals that their publishers print.
#include "config/hf_layers.hpp"

#include <cmath>
#include <filesystem>
#include <set>

#include "base/csv.hpp"
#include "base/files.hpp"
#include "catch.hpp"
#include "config/scenario.hpp"
#include "model/layer_ops.hpp"
#include "model/parameters.hpp"

using namespace moesim;

namespace {

std::string folder() { return std::string(MOESIM_SOURCE_DIR) + "/tests/config/huggingface"; }

ModelShape model(const std::string& name) {
  return load_workload(folder() + "/" + name + ".json", {}, {});
}

// A row of published.csv: what the publisher prints, in 1e9, with half a unit of the last digit
// printed; an active count of 0 is none. `counts` says what the active ones leave out.
struct Published {
  std::string model;
  double total, total_rounding, active, active_rounding;
  std::string counts;
};

std::vector<Published> published() {
  Problems problems;
  std::vector<Published> rows;
  const std::string file = folder() + "/published.csv";
  for (const CsvRecord& cells : parse_csv(disk_files().read(file).text, file, problems)) {
    if (cells[0].text == "model") continue;
    const auto number = [&](size_t column) { return std::stod(cells[column].text); };
    rows.push_back({cells[0].text, number(1), number(2), number(3), number(4), cells[5].text});
  }
  return rows;
}

double active(const ModelShape& shape, const std::string& counts) {
  const double embedding = shape.tied_embeddings ? 0 : embedding_parameters(shape);
  const double without = counts == "without_embeddings"        ? 2 * embedding
                         : counts == "without_input_embedding" ? embedding
                                                               : 0;
  return (active_parameters(shape) - without) / 1e9;
}

int count(const ModelShape& shape, Mixer mixer) {
  int layers = 0;
  for (int i = 0; i < shape.layers; ++i) layers += mixer_of(shape, i) == mixer;
  return layers;
}

}  // namespace

TEST_CASE("total and active parameters of published configs are within 1.5 % and their rounding") {
  const std::vector<Published> rows = published();
  REQUIRE(rows.size() == 37);
  for (const Published& row : rows) {
    const ModelShape shape = model(row.model);
    const double total = total_parameters(shape) / 1e9, used = active(shape, row.counts);
    INFO(row.model << " total " << total << " active " << used);
    CHECK(std::abs(total - row.total) <= 0.015 * row.total + row.total_rounding);
    if (row.active == 0) continue;
    CHECK(std::abs(used - row.active) <= 0.015 * row.active + row.active_rounding);
  }
}

TEST_CASE("every config of the folder is in the table") {
  std::set<std::string> tested, files;
  for (const Published& row : published()) tested.insert(row.model);
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    if (entry.path().extension() == ".json") files.insert(entry.path().stem().string());
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
