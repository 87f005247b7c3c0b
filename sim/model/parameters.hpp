// Parameters by part, per layer and in all, from the shapes; and a rank's share of them.
#pragma once

#include "model/shape.hpp"

namespace moesim {

// Counts of scalars (doubles: 1e12 and sharded fractions both fit).
struct LayerParameters {
  double attention = 0;             // sharded by tp
  double attention_replicated = 0;  // MLA's down projections: replicated over tp
  double dense_ffn = 0;             // sharded by tp
  double shared = 0;                // shared experts and their gate, sharded by tp
  double router = 0;                // replicated over tp
  double norms = 0;                 // replicated over tp
  double experts = 0;               // all experts of the layer; sharded by ep and etp
  double total() const {
    return attention + attention_replicated + dense_ffn + shared + router + norms + experts;
  }
};

// Weights that mix the residual streams around one sublayer (read, write, and stream by stream); 0
// with one stream.
double mixing_weights(const ModelShape& shape);
LayerParameters layer_parameters(const ModelShape& shape, int layer);
double embedding_parameters(const ModelShape& shape);
double output_parameters(
    const ModelShape& shape);  // final norm + logits; the logits matrix is 0 when tied
// Per MTP layer, beyond a transformer layer: three norms (embedding, hidden, final) and the
// projection of the pair; embedding and logits are shared with the main model (DeepSeek-V3,
// arXiv:2412.19437 section 2.2).
double mtp_extra_parameters(const ModelShape& shape);
// Without multi-token-prediction layers, as papers count. `active` counts top_k experts and the
// shared ones per token, and the embedding and logits matrices in full.
double total_parameters(const ModelShape& shape);
double active_parameters(const ModelShape& shape);

// The share of a layer on one rank: `dense` is replicated over data (and context) parallel ranks,
// `expert` over expert-data parallel ranks.
struct RankParameters {
  double dense = 0;
  double expert = 0;
  RankParameters& operator+=(const RankParameters& other) {
    dense += other.dense;
    expert += other.expert;
    return *this;
  }
  bool empty() const { return dense == 0 && expert == 0; }
};
RankParameters rank_parameters(const LayerParameters& layer, int tp, int ep, int etp);

}  // namespace moesim
