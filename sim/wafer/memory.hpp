// SRAM that one microbatch takes on a wafer, tensor by tensor. Takes shapes and the sizes of
// microbatch and attention tile; knows nothing of time.
#pragma once

#include <string>

#include "model/shape.hpp"
#include "plan/plan.hpp"
#include "wafer/system.hpp"

namespace moesim {

// Sequences that a wafer works on: all of them in FFN, router and experts, `attention_batch` at a
// time in attention and in the loss.
struct WaferTile {
  int microbatch = 1;
  int attention_batch = 1;
  int64_t sequence_length = 0;
  bool spill = false;  // saved activations are on the host
  bool again = false;  // attention runs once more in its backward, tile by tile

  // Returns the sequences of the largest tile: they are dealt evenly.
  int largest() const {
    const int tiles = (microbatch + attention_batch - 1) / attention_batch;
    return (microbatch + tiles - 1) / tiles;
  }
};

// One layer takes this, in bytes. Tensors and, backward, their gradients count where they are there
// together.
struct WaferLayerMemory {
  double saved = 0;       // from its forward to its backward
  double recomputed = 0;  // made again for the FFN or the experts, held until attention's backward
  double attention_forward = 0;  // of one tile, while attention runs forward
  double attention = 0;          // of one tile, in its backward, beyond `recomputed`
  double ffn = 0;                // one slice of a dense FFN, as wide as the grid
  double shared = 0;             // one slice of shared experts
  double router = 0;             // scores, until the router's backward
  double expert = 0;             // rows of one expert, with its hidden widths
};
WaferLayerMemory wafer_layer_memory(const ModelShape& model, const WaferSystem& system,
                                    const Plan& plan, int layer, const WaferTile& tile);
double wafer_hidden_bytes(const ModelShape& model, int microbatch, int64_t sequence_length);
double wafer_logits_bytes(const ModelShape& model, int sequences, int64_t sequence_length);
// Experts of a layer come in streams of some 128 MB: how many in one.
int wafer_experts_per_stream(const ModelShape& model, double bytes_per_expert);
// Weights that stream at once and are held to the end of the layer, backward.
double wafer_held_parameters(const ModelShape& model, int layer);

// At the fullest moment of a step, in bytes: the loss, or the backward of some layer. Attention
// tile, FFN, experts and logits are not there at the same time.
struct WaferMemory {
  double saved = 0;       // what the backward pass needs of the layers that still wait for it
  double spilling = 0;    // with saved_activations: host: one layer's in use and one on its way
  double hidden = 0;      // the hidden state, its gradient, the layer's output
  double recomputed = 0;  // WaferLayerMemory::recomputed
  double attention = 0, ffn = 0, experts = 0;  // one of these at a time
  double logits = 0;                           // of one tile; 0: the moment is not near the loss
  double weights = 0;    // allocated: the prefetch window, and those held through the tiles
  double gradients = 0;  // allocated: waiting for the way out
  int layer = 0;         // before its backward, the loss, if it is the last

  // Logits, or with what is recomputed the largest of attention, ffn, experts.
  double working() const;
  double total() const { return saved + spilling + hidden + working() + weights + gradients; }
  std::string largest() const;  // name of the tensor that takes most
};

WaferMemory wafer_memory(const ModelShape& model, const WaferSystem& system, const Plan& plan,
                         const WaferTile& tile);

}  // namespace moesim
