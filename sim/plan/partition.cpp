#include "plan/partition.hpp"

#include "plan/layout.hpp"
#include "plan/pipeline_shape.hpp"

namespace moesim {

namespace {
std::vector<ChunkContent> even_cut(const ModelShape& shape, int chunks) {
  std::vector<ChunkContent> contents(chunks);
  const int each = shape.layers / chunks, more = shape.layers % chunks;
  int layer = 0;
  for (int chunk = 0; chunk < chunks; ++chunk)
    for (int i = 0; i < each + (chunk < more ? 1 : 0); ++i)
      contents[chunk].layers.push_back(layer++);
  for (int i = 0; i < shape.mtp_layers; ++i) contents.back().layers.push_back(layer++);
  contents.front().embedding = true;
  contents.back().loss = true;
  return contents;
}

// Items in layout order; layers are numbered as they come, multi-token-prediction layers after all
// others.
std::vector<ChunkContent> by_layout(const ModelShape& shape, const std::string& text) {
  std::vector<ChunkContent> contents;
  int layer = 0, mtp = shape.layers;
  for (const auto& items : parse_layout(text)) {
    ChunkContent& chunk = contents.emplace_back();
    for (const LayoutItem item : items) switch (item) {
        case LayoutItem::embedding:
          chunk.embedding = true;
          break;
        case LayoutItem::layer:
          chunk.layers.push_back(layer++);
          break;
        case LayoutItem::mtp:
          chunk.layers.push_back(mtp++);
          break;
        case LayoutItem::loss:
          chunk.loss = true;
          break;
      }
  }
  return contents;
}
}  // namespace

std::vector<ChunkContent> partition_layers(const ModelShape& shape, const Plan& plan) {
  if (!plan.layout.empty()) return by_layout(shape, plan.layout);
  return even_cut(shape, pipeline_shape(plan).slices);
}

}  // namespace moesim
