// Kernels of the mixers other than plain attention: state spaces (Mamba), linear attentions, short
// convolutions, and what sparse attention adds to attention (indexer, compressor, gathered keys).
// Recurrences and convolutions are streaming kernels: their time is that of their bytes at the
// device's streaming rate, or that of their FLOPs at its peak where that is longer.
#pragma once

#include "model/layer_ops.hpp"
#include "model/mixer_projections.hpp"

namespace moesim {

// Widths per head with which attention multiplies queries and keys, and weights and values. Sparse
// attention over a latent works in the latent (arXiv:2512.02556 section 2.1): all heads share one
// key, which is gathered once.
struct CoreWidths {
  double qk = 0, v = 0;
};
CoreWidths core_widths(const ModelShape& shape, Mixer mixer);

// Which side of a matrix tensor parallelism cuts.
enum class Cut { out, in };
void add_projection(Kernels& kernels, const Projection& matrix, Op op, Cut cut, const Shard& shard,
                    Pass pass);

// Mixers without attention, Gated DeltaNet apart (model/linear_attention_ops.hpp).
void add_recurrence_in(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                       Pass pass);
void add_recurrence_core(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                         Pass pass);

// Projections and pooling of an indexer and of a compressor, where the mixer has them.
void add_sparse_in(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                   Pass pass);
// Scores of the indexer, the choice of its keys, and attention to those and to the window.
void add_sparse_core(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                     Pass pass);

// Reading and writing the residual streams around the sublayers of one layer; empty with one.
void add_stream_mixing(Kernels& kernels, const ModelShape& shape, int layer, const Shard& shard,
                       Pass pass);

}  // namespace moesim
