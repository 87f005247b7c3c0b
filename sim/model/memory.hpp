// Bytes that training holds on one rank: what a layer saves for its backward pass, per microbatch
// and recompute policy, what it needs on top while it works, and the lasting state (parameters,
// gradients, optimizer). Knows nothing of schedules: how many microbatches are in flight, and which
// layers a stage has, is the caller's to add up.
#pragma once

#include <span>

#include "model/layer_ops.hpp"
#include "model/recompute.hpp"
#include "model/shape.hpp"

namespace moesim {

// Saved by one layer from its forward to its backward pass, per rank and microbatch, in bytes.
// Which tensors: after Korthikanti et al. (arXiv:2205.05198) with RMSNorm, flash attention, SwiGLU
// and no dropout; the routed part after Megatron-Core (docs/model/memory.md). A tensor that two
// operators need is held once.
struct ActivationBytes {
  double residual = 0;         // inputs of the two norms
  double norm_outputs = 0;     // inputs of the QKV projection and of the FFN or router
  double latents = 0;          // MLA's compressed queries, keys and values
  double query_key_value = 0;  // as attention reads them
  double attention_output =
      0;                     // with the softmax statistics; also the input of the output projection
  double dense_ffn = 0;      // fc1's output and fc2's input
  double shared_expert = 0;  // the same
  double router = 0;         // scores, chosen experts, row maps
  double expert_input = 0;   // per row: fc1's input
  double expert_hidden = 0;  // per row: fc1's output
  double expert_activation = 0;  // per row: fc2's input
  double expert_output = 0;      // per row: where the gate's weights are applied to it
  double total() const;
};

// The parts by name, as reports name tensors.
struct ActivationPart {
  double ActivationBytes::*bytes;
  const char* name;
};
std::span<const ActivationPart> activation_parts();

// `rows`: token copies that the routing sends to this rank's experts (balanced: local_tokens *
// top_k * etp).
ActivationBytes layer_activations(const ModelShape&, int layer, const Shard&,
                                  const RecomputePolicy&, double rows);
double layer_activation_bytes(const ModelShape&, int layer, const Shard&, const RecomputePolicy&,
                              double rows);

// The fullest moment of a piece of work.
struct WorkMoment {
  const char* op = "";
  double bytes = 0;
};

// Returns what one layer needs beyond what it saves, once per rank, whatever is in flight: in its
// forward pass over what it has saved at the end, in its backward pass over what it had saved at
// the beginning. Recomputed tensors count here; what a backward pass has freed by then is taken
// off.
struct LayerWork {
  WorkMoment forward, backward;
};
LayerWork layer_work(const ModelShape&, int layer, const Shard&, const RecomputePolicy&,
                     double rows);

// Final norm, logits and loss: saved from their forward to their backward, and LayerWork as above.
struct OutputMemory {
  double saved = 0;
  WorkMoment forward, backward;
  WorkMoment projection;  // of backward, the part that the logits' weights take part in
};
OutputMemory output_memory(const ModelShape&, const Shard&);
double mtp_projection_activation_bytes(const ModelShape&, const Shard&);

// Bytes of the gradients that nobody reads (FrameworkMemory::weight_gradient_buffers): a bf16
// buffer for each distinct shape of the weights of these layers, as one rank holds them.
double gradient_buffer_bytes(const ModelShape&, std::span<const int> layers, const Shard&);

// How lasting state is spread.
struct StateSharding {
  int tp = 1;
  int ep = 1;
  int etp = 1;
  int dp = 1;                   // replicas of the dense part, context parallel ranks included
  int edp = 1;                  // replicas of an expert
  double slots_per_expert = 1;  // more than 1: some experts are held more than once (EPLB)
  // 0: nothing sharded over replicas; 1: optimizer state; 2: gradients too; 3: parameters too
  // (Rajbhandari et al., arXiv:1910.02054).
  int zero_stage = 1;
  double gradient_bytes = 4;  // per element
  double moment_bytes = 4;    // per element of each moment
  int moments = 2;            // that the optimizer keeps of an element: two of Adam
  // Per element of the weights that GEMMs read: 2 in bf16. Matrices of layers are held in this and
  // `matrix_bytes` more (quantised copies).
  double parameter_bytes = 2;
  double matrix_bytes = 0;
};

// Parameters: as StateSharding says; gradients as configured; optimizer: fp32 master weight and two
// moments.
struct StateBytes {
  double parameters = 0;
  double gradients = 0;
  double optimizer = 0;
  double total() const { return parameters + gradients + optimizer; }
  StateBytes& operator+=(const StateBytes& other);
};

// Layers >= shape.layers include what a multi-token-prediction layer has beyond a transformer
// layer.
StateBytes layer_state_bytes(const ModelShape&, int layer, const StateSharding&);
StateBytes embedding_state_bytes(const ModelShape&, const StateSharding&);
StateBytes output_state_bytes(const ModelShape&, const StateSharding&);

// Parameters of one rank's share, before ZeRO spreads them.
double layer_rank_parameters(const ModelShape&, int layer, const StateSharding&);

}  // namespace moesim
