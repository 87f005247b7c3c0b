#include "plan/partition.hpp"

namespace moesim {

namespace {
std::vector<ChunkContent> even_cut(const ModelShape& shape, int chunks) {
  std::vector<ChunkContent> contents(chunks);
  const int each = shape.layers / chunks, more = shape.layers % chunks;
  int layer = 0;
  for (int chunk = 0; chunk < chunks; ++chunk)
    for (int i = 0; i < each + (chunk < more ? 1 : 0); ++i) contents[chunk].layers.push_back(layer++);
  for (int i = 0; i < shape.mtp_layers; ++i) contents.back().layers.push_back(layer++);
  contents.front().embedding = true;
  contents.back().loss = true;
  return contents;
}
}  // namespace

std::vector<ChunkContent> partition_layers(const ModelShape& shape, const Plan& plan) {
  return even_cut(shape, plan.pp * plan.vpp);
}

}  // namespace moesim
