// Parameters by part, per layer and in all, from the shapes.
#pragma once

#include "model/shape.hpp"

namespace moesim {

// Counts of scalars (doubles: 1e12 and sharded fractions both fit).
struct LayerParameters {
  double attention = 0;  // sharded by tp
  double dense_ffn = 0;  // sharded by tp
  double shared = 0;     // shared experts and their gate, sharded by tp
  double router = 0;     // replicated over tp
  double norms = 0;      // replicated over tp
  double experts = 0;    // all experts of the layer; sharded by ep and etp
  double total() const { return attention + dense_ffn + shared + router + norms + experts; }
};

LayerParameters layer_parameters(const ModelShape& shape, int layer);
double embedding_parameters(const ModelShape& shape);
double output_parameters(const ModelShape& shape);  // final norm + logits; the logits matrix is 0 when tied
double mtp_extra_parameters(
    const ModelShape& shape);  // per MTP layer, beyond a transformer layer: 2 norms + projection
// Without multi-token-prediction layers, as papers count. `active` counts top_k experts and the shared ones per token.
double total_parameters(const ModelShape& shape);
double active_parameters(const ModelShape& shape);

}  // namespace moesim
