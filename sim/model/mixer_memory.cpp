#include "model/mixer_memory.hpp"

#include "model/kernel_builders.hpp"
#include "model/mixer_projections.hpp"

namespace moesim {

// The results of the projections, which the recurrence reads, those of the convolution again, and
// the recurrence's result before and after its gate.
void add_recurrence_activations(ActivationBytes& bytes, const ModelShape& shape, Mixer mixer,
                                const Shard& shard) {
  double projected = 0;
  for (const Projection& matrix : mixer_projections(shape, mixer).before)
    projected += matrix.sharded ? matrix.out / shard.tp * shard.gemm_tokens()
                                : matrix.out * shard.local_tokens();
  const double convolved = shard.gemm_tokens() * convolution_width(shape, mixer) / shard.tp;
  bytes.query_key_value = bf16_bytes * (projected + convolved);
  bytes.attention_output = shard.gemm_tokens() * mixer_output_width(shape, mixer) / shard.tp *
                           (bf16_bytes + operand_bytes(shard.recipe));
}

// Queries, weights and keys of the indexer, the numbers of the chosen keys, and the values and
// weights that a compressor pools.
void add_sparse_activations(ActivationBytes& bytes, const ModelShape& shape, Mixer mixer,
                            const Shard& shard) {
  double width = 0;
  for (const Projection& matrix : indexer_projections(shape, mixer)) width += matrix.out;
  for (const Projection& matrix : compressor_projections(shape, mixer)) width += matrix.out;
  if (width <= 0) return;
  const bool chooses = mixer != Mixer::heavily_compressed;
  bytes.query_key_value +=
      shard.local_tokens() * (bf16_bytes * width + (chooses ? fp32_bytes * shape.index_topk : 0.0));
}

}  // namespace moesim
