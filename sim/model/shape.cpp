#include "model/shape.hpp"

#include <algorithm>

namespace moesim {
namespace {

// A multi-token-prediction layer is built like the last layer.
int layer_it_resembles(const ModelShape& shape, int layer) {
  return std::min(layer, shape.layers - 1);
}

// True for layers period-1, 2*period-1, ...; never when there is no period.
bool closes_period(int layer, int period) { return period > 0 && (layer + 1) % period == 0; }

}  // namespace

bool has_experts(const ModelShape& shape, int layer) {
  const int like = layer_it_resembles(shape, layer);
  if (shape.experts == 0 || like < shape.first_dense_layers) return false;
  return closes_period(like - shape.first_dense_layers, std::max(1, shape.moe_period));
}

bool is_linear_attention(const ModelShape& shape, int layer) {
  if (shape.linear_attention_period == 0) return false;
  return !closes_period(layer_it_resembles(shape, layer), shape.linear_attention_period);
}

int attention_window(const ModelShape& shape, int layer) {
  if (shape.sliding_window == 0) return 0;
  return closes_period(layer_it_resembles(shape, layer), shape.sliding_window_period)
             ? 0
             : shape.sliding_window;
}

}  // namespace moesim
