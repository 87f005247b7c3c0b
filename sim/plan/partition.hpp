// Which layers, and whether embedding and loss, each slice of the model holds, in the order of
// plan/pipeline_shape.hpp.
#pragma once

#include <vector>

#include "model/shape.hpp"
#include "plan/plan.hpp"

namespace moesim {

struct ChunkContent {
  bool embedding = false;
  std::vector<int>
      layers;  // consecutive; numbers >= shape.layers are multi-token-prediction layers
  bool loss = false;
};

// By plan.layout when given; else layers are cut evenly (the first chunks take one more when they
// do not divide), with the multi-token-prediction layers and the loss at the end.
std::vector<ChunkContent> partition_layers(const ModelShape& shape, const Plan& plan);

}  // namespace moesim
