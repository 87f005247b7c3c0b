// Counts what mixers other than plain attention save for their backward pass, on top of the
// residual and the norms of a layer (model/memory.hpp).
#pragma once

#include "model/memory.hpp"

namespace moesim {

// Mixers without attention, Gated DeltaNet apart.
void add_recurrence_activations(ActivationBytes& bytes, const ModelShape& shape, Mixer mixer,
                                const Shard& shard);
// Returns what an indexer and a compressor add to attention.
void add_sparse_activations(ActivationBytes& bytes, const ModelShape& shape, Mixer mixer,
                            const Shard& shard);

}  // namespace moesim
