// Bytes that training holds on one rank: what a layer saves for its backward pass, per microbatch
// and recompute policy, and the lasting state (parameters, gradients, optimizer). Knows nothing of
// schedules: how many microbatches are in flight, and which layers a stage has, is the caller's to
// add up.
#pragma once

#include "model/layer_ops.hpp"
#include "model/recompute.hpp"
#include "model/shape.hpp"

namespace moesim {

// Saved by one layer from its forward to its backward pass, per rank and microbatch, in bytes.
// Which tensors: after Korthikanti et al. (arXiv:2205.05198) with RMSNorm, flash attention, SwiGLU
// and no dropout; the routed part after Megatron-Core (docs/MODEL.md, "Memory"). A tensor that two
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
  double total() const;
};

// `rows`: token copies that the routing sends to this rank's experts (balanced: local_tokens *
// top_k * etp).
ActivationBytes layer_activations(const ModelShape&, int layer, const Shard&,
                                  const RecomputePolicy&, double rows);
double layer_activation_bytes(const ModelShape&, int layer, const Shard&, const RecomputePolicy&,
                              double rows);

// Held on top while one layer computes: what its backward makes again, and the largest gradients
// alive with it. Once per rank, whatever is in flight.
double layer_workspace_bytes(const ModelShape&, int layer, const Shard&, const RecomputePolicy&,
                             double rows);

// Final norm and logits, from their forward to their backward (the loss's gradient overwrites the
// logits).
double output_activation_bytes(const ModelShape&, const Shard&);
double mtp_projection_activation_bytes(const ModelShape&, const Shard&);

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
  double moment_bytes = 4;    // per element of each of Adam's two moments
};

// Parameters: 2 bytes each (bf16, or the two orientations of one FP8 copy); gradients as
// configured; optimizer: fp32 master weight and two moments.
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

}  // namespace moesim
