#include "plan/partition.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

// "E 0 1 | 2 3 | 4 L"
std::string text(const std::vector<ChunkContent>& chunks) {
  std::string result;
  for (const ChunkContent& chunk : chunks) {
    if (&chunk != &chunks.front()) result += "|";
    if (chunk.embedding) result += "E ";
    for (const int layer : chunk.layers) result += std::to_string(layer) + " ";
    if (chunk.loss) result += "L";
  }
  return result;
}

ModelShape layers(int count, int mtp = 0) {
  ModelShape model;
  model.layers = count;
  model.mtp_layers = mtp;
  return model;
}

Plan pipeline(int pp, int vpp, const std::string& layout = "") {
  Plan plan;
  plan.pp = pp, plan.vpp = vpp, plan.layout = layout;
  return plan;
}

}  // namespace

TEST_CASE("layers are cut evenly, embedding first, loss last") {
  CHECK(text(partition_layers(layers(4), pipeline(2, 1))) == "E 0 1 |2 3 L");
  CHECK(text(partition_layers(layers(4), pipeline(2, 2))) == "E 0 |1 |2 |3 L");
  CHECK(text(partition_layers(layers(5), pipeline(2, 1))) == "E 0 1 2 |3 4 L");
  CHECK(text(partition_layers(layers(2, 1), pipeline(2, 1))) == "E 0 |1 2 L");
  CHECK(text(partition_layers(layers(1), pipeline(1, 1))) == "E 0 L");
}

TEST_CASE("a layout says itself what stands where") {
  CHECK(text(partition_layers(layers(3, 1), pipeline(4, 1, "E|tt|t|mL"))) == "E |0 1 |2 |3 L");
  CHECK(text(partition_layers(layers(2), pipeline(2, 2, "E|t||tL"))) == "E |0 ||1 L");
}

TEST_CASE("DeepSeek-V3: 61 layers and one for multi-token prediction on 16 stages") {
  const auto chunks = partition_layers(layers(61, 1), pipeline(16, 1, "Et*4|(t*4|)*14tmL"));
  REQUIRE(chunks.size() == 16);
  CHECK(chunks.front().embedding);
  int next = 0;
  for (size_t stage = 0; stage + 1 < chunks.size(); ++stage) {
    CHECK(chunks[stage].layers.size() == 4);
    for (const int layer : chunks[stage].layers) CHECK(layer == next++);
    CHECK_FALSE(chunks[stage].loss);
  }
  CHECK(chunks.back().layers == std::vector<int>{60, 61});
  CHECK(chunks.back().loss);
}
