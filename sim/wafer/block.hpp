// The work of one block of a weight-streaming step before it becomes a graph: which weights come
// in, in order; what the wafer computes with them, in order; which gradients leave. A block is one
// layer, the embedding or the loss, forward or backward, of one microbatch.
#pragma once

#include <string>
#include <vector>

#include "graph/task.hpp"
#include "wafer/context.hpp"

namespace moesim {

// Weights that arrive together and are freed together. Experts: only those that received tokens are
// sent.
struct WaferStream {
  std::string op;
  double elements = 0;  // of all experts, where there are any
  int first_expert = 0, experts = 0;
  bool held = false;  // needed at the beginning and at the end of the block: not part of the
                      // prefetch window
  double masked = 0;  // of the elements: weights that plan.weight_sparsity makes zero in part

  double bytes(const WaferContext& context) const {
    return context.weight_bytes(elements - masked, masked);
  }
};

// SRAM holds these while compute tasks of a block run (wafer/memory.hpp).
enum class SramTensor : uint8_t {
  saved,
  spilling,
  hidden,
  recomputed,
  attention,
  ffn,
  experts,
  logits,
  weights,
  gradients
};
inline constexpr int kSramTensors = 10;
const char* name_of(SramTensor tensor);

struct WaferHold {
  SramTensor tensor = SramTensor::hidden;
  double bytes = 0;
  int first = 0, last = 0;  // compute tasks: from the beginning of one to the end of the other
};

// One run on every wafer, once the weights of `stream` are there.
struct WaferCompute {
  Kernels again;  // recomputed: the forward's kernels
  Kernels kernels;
  Phase phase = Phase::forward;
  int stream = -1;               // -1: needs no weights
  bool routed = false;           // work follows the rows of the stream's experts
  double gradient_elements = 0;  // updated by what leaves afterwards, of `gradient_stream`
  double gradient_bytes = 0;     // on the wire
  int gradient_stream = -1;
};

struct WaferBlock {
  std::string name;
  Phase phase = Phase::forward;
  int layer = 0;
  std::vector<WaferStream> streams;
  std::vector<WaferCompute> computes;
  double spill_out_bytes = 0,
         spill_in_bytes = 0;  // per wafer: saved activations to the host and back
  std::vector<WaferHold> holds;
  double saved_bytes = 0;   // on the wafer: made here forward, freed here backward
  double hidden_bytes = 0;  // the same, of embedding blocks
};

WaferBlock embedding_block(const WaferContext&, int sequences, bool forward);
WaferBlock layer_forward_block(const WaferContext&, int layer, int sequences);
WaferBlock layer_backward_block(const WaferContext&, int layer, int sequences);
// Logits and loss, forward and backward tile by tile, with the weights that came once.
WaferBlock loss_block(const WaferContext&, int sequences);

}  // namespace moesim
