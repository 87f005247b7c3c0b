// The weight matrices of what mixes the tokens of a layer, from which its parameters, FLOPs and
// GEMMs follow. Takes the model and a kind of mixer; knows nothing of ranks or passes.
#pragma once

#include <vector>

#include "model/shape.hpp"

namespace moesim {

// A matrix [in x out] that every token is multiplied with.
struct Projection {
  double in = 0, out = 0;
  bool sharded = true;  // cut by tensor parallelism; else each rank holds all of it

  double weights() const { return in * out; }
};

struct MixerProjections {
  std::vector<Projection> before;  // of the normed input, and of latents of it
  std::vector<Projection> after;   // of the mixer's result, back to the residual stream
  double biases = 0;               // and what else is cut by tensor parallelism
  double norms = 0;                // and what else is not

  double weights() const;  // of all matrices
};

MixerProjections mixer_projections(const ModelShape& shape, Mixer mixer);
// Returns what an indexer adds to an attention layer; part of the above.
std::vector<Projection> indexer_projections(const ModelShape& shape, Mixer mixer);
// Returns what compressing keys adds; part of the above.
std::vector<Projection> compressor_projections(const ModelShape& shape, Mixer mixer);
// Elements per token that the causal convolution in front of a mixer reads.
double convolution_width(const ModelShape& shape, Mixer mixer);
int convolution_taps(const ModelShape& shape, Mixer mixer);

}  // namespace moesim
