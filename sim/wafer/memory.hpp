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
};

// In bytes. Attention tile, FFN, experts and logits are not there at the same time, nor logits with
// `recomputed`.
struct WaferMemory {
  double saved = 0;     // what the backward pass needs of each layer: its input, or with recompute:
                        // none everything
  double spilling = 0;  // with saved_activations: host: three layers' worth of what would be saved
  double hidden = 0;    // the hidden state, its gradient, the layer's output
  // Recompute: full: norms, q, k, v and output of attention of the whole microbatch, made before
  // the backward of the FFN or experts and used after it.
  double recomputed = 0;
  double attention = 0;  // of one tile: gradients of norm, q, k, v, output; the tensors too where
                         // not in `recomputed`
  double ffn = 0;        // one slice of a dense FFN or shared experts, and its gradients
  double experts =
      0;  // scores of the router; rows of one expert, its hidden widths, and their gradients
  double logits = 0;     // of one tile
  double weights = 0;    // prefetched, and those held through the tiles
  double gradients = 0;  // waiting for the way out

  double working()
      const;  // logits, or with what is recomputed the largest of attention, ffn, experts
  double total() const { return saved + spilling + hidden + working() + weights + gradients; }
  std::string largest() const;  // name of the tensor that takes most
};

WaferMemory wafer_memory(const ModelShape& model, const WaferSystem& system, const Plan& plan,
                         const WaferTile& tile);

}  // namespace moesim
