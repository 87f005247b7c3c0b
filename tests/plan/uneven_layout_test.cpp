#include "plan/uneven_layout.hpp"

#include "catch.hpp"
#include "plan/layout.hpp"

using namespace moesim;

namespace {

std::vector<int> layers_per_chunk(int layers, int mtp, int chunks) {
  ModelShape shape;
  shape.layers = layers;
  shape.mtp_layers = mtp;
  std::vector<int> counts;
  for (const auto& chunk : parse_layout(uneven_layout(shape, chunks))) {
    int count = 0;
    for (const LayoutItem item : chunk) count += item == LayoutItem::layer ? 1 : 0;
    counts.push_back(count);
  }
  return counts;
}

}  // namespace

TEST_CASE("Uneven layout: the table of layouts of Megatron-Bridge's DeepSeek-V3 recipe") {
  CHECK(layers_per_chunk(61, 1, 4) == std::vector{16, 16, 16, 13});
  CHECK(layers_per_chunk(61, 1, 8) == std::vector{8, 8, 8, 8, 8, 8, 8, 5});
  std::vector<int> sixteen(16, 4);
  sixteen.back() = 1;
  CHECK(layers_per_chunk(61, 1, 16) == sixteen);
  ModelShape shape;
  shape.layers = 61;
  shape.mtp_layers = 1;
  CHECK(uneven_layout(shape, 4).ends_with("|tttttttttttttmL"));
}

TEST_CASE("Uneven layout: embedding and loss count as layers where that divides") {
  CHECK(layers_per_chunk(94, 0, 4) == std::vector{23, 24, 24, 23});
  const std::vector<int> chunks = layers_per_chunk(94, 0, 96);
  CHECK(chunks.front() == 0);
  CHECK(chunks[1] == 1);
  CHECK(chunks.back() == 0);
}

TEST_CASE("Uneven layout: every layer is there once") {
  for (int layers = 1; layers < 130; layers += 3)
    for (int chunks = 1; chunks <= 64; ++chunks) {
      ModelShape shape;
      shape.layers = layers;
      const std::string text = uneven_layout(shape, chunks);
      if (layers % chunks == 0) {
        CHECK(text.empty());
        continue;
      }
      const Layout layout = parse_layout(text);
      CHECK(static_cast<int>(layout.size()) == chunks);
      CHECK(count_items(layout, LayoutItem::layer) == layers);
    }
}
