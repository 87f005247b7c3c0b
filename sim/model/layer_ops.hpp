// FLOPs, bytes and shapes of every operator of a training step on one rank, forward, backward-data
// and backward-weight. Takes the model and how a rank's share is cut; returns kernels in launch
// order; knows nothing of time or networks.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/spelling.hpp"
#include "model/framework_memory.hpp"
#include "model/kernel.hpp"
#include "model/shape.hpp"

namespace moesim {

// How FP8 operands are scaled: decides which casts run (docs/MODEL.md, "Precision").
enum class PrecisionRecipe : uint8_t { bf16, fp8_delayed, fp8_current, fp8_block, mxfp8, nvfp4 };
inline constexpr auto kPrecisionRecipes = spell<PrecisionRecipe::nvfp4>(
    "bf16", "fp8-delayed", "fp8-current", "fp8-block", "mxfp8", "nvfp4");
constexpr const auto& enum_names(PrecisionRecipe) { return kPrecisionRecipes; }
Precision gemm_precision(PrecisionRecipe recipe);

// Holds what the training framework's own code costs: on the device where it leaves operators
// unfused, on the host for what it does between launches. A framework's profile sets it
// (scenarios/frameworks/); the values here are those of code that costs nothing of its own.
struct SoftwareCost {
  int dispatch_launches = 0;     // host launches that prepare a dispatch; 0: as many as its kernels
  int router_launch_factor = 1;  // host launches per kernel of the router's top-k
  int permutation_factor = 1;    // bytes and kernels of unfused permutation against the fused one
  // Bytes per element of the experts' output that their biases move, where each expert has a GEMM
  // of its own.
  double expert_bias_forward_bytes = 28;
  double expert_bias_backward_bytes = 36;
  // With EP overlap: host time of each piece that a layer is cut into, and what launches cost more.
  double overlap_piece_s = 0;
  double overlap_launch_factor = 1;
  // Once a step, how often the gradients of all parameters that a rank holds are read or written
  // beside their accumulation (set to zero, divided by the replicas), and how often those of its
  // optimizer's share are read for a norm.
  int gradient_passes = 0;
  int norm_passes = 1;
  // With sequence parallelism a linear layer keeps its share of the input only, and gathers the
  // whole again for its weight gradient.
  bool gathers_input_again = false;
  // Host time of a collective that compute waits for: autograd, bindings and events around it.
  double collective_launch_s = 0;
  // Host time of each module that selective recomputation runs again, in its forward and in its
  // backward: saving and restoring random states, leaving and entering the autograd graph.
  double checkpoint_s = 0;
  // Bytes that the loss moves per logit (6 and 4: fused, over bf16 logits).
  double loss_forward_bytes = 6;
  double loss_backward_bytes = 4;
  // Bytes and kernels of operators that are not fused, against the fused one.
  double rope_factor = 1;
  double activation_factor = 1;
};

// One rank's share of one microbatch.
struct Shard {
  int sequences = 1;               // sequences in the microbatch
  int64_t sequence_length = 0;     // whole sequence, before context parallelism
  int tp = 1;                      // tensor parallel size of attention and dense FFN
  int cp = 1;                      // context parallel size
  int etp = 1;                     // tensor parallel size inside an expert
  int local_experts = 0;           // experts held by this rank
  bool sequence_parallel = false;  // norms, router and residuals act on 1/tp of the tokens
  PrecisionRecipe recipe = PrecisionRecipe::bf16;
  bool quantized_output = false;  // logits follow `recipe` instead of bf16
  // TransformerEngine's GroupedLinear: a cast and a GEMM per expert, GEMMs on four streams. Else
  // one kernel for all.
  bool kernels_per_expert = false;
  // Permutation of tokens as chains of indexing operators instead of one kernel each way.
  bool unfused_permutation = false;
  SoftwareCost software;
  FrameworkMemory memory;
  double saved_hidden_bytes = 2;  // per element of fc1's output kept for the backward (memory only)

  // Tokens entering GEMMs of attention, and tokens that norms and the router see.
  // Whole numbers, as doubles: all that they enter are FLOPs and bytes.
  double gemm_tokens() const { return static_cast<double>(sequences * sequence_length / cp); }
  double local_tokens() const { return std::floor(gemm_tokens() / (sequence_parallel ? tp : 1)); }
};

using Kernels = std::vector<Kernel>;
inline void append(Kernels& to, const Kernels& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// In each, `pass` selects the kernels of that pass only. backward_data of an operator that has no
// weights holds its whole backward. Casts belong to the GEMM that needs them; weight casts run once
// a step (weight_cast_ops). The forward addition of a residual belongs to the operator that ends a
// branch; backward, the residual's gradient is added where the branch began (attention_in,
// dense_ffn, router).
Kernels embedding_ops(const ModelShape&, const Shard&, Pass);
Kernels attention_in_ops(const ModelShape&, int layer, const Shard&,
                         Pass);  // norm, QKV or MLA projections, rope
Kernels attention_core_ops(const ModelShape&, int layer, const Shard&, Pass);  // softmax(QK^T)V
Kernels attention_out_ops(const ModelShape&, int layer, const Shard&,
                          Pass);                               // output projection, residual
Kernels dense_ffn_ops(const ModelShape&, const Shard&, Pass);  // norm, FFN, residual
// norm, gate GEMM, top-k, permute. The permute (Op::permute) copies every token top_k times into
// the order of its destinations; dispatchers that read tokens in place (DispatcherTraits) do
// without: their callers leave it out.
Kernels router_ops(const ModelShape&, const Shard&, Pass);
Kernels shared_expert_ops(const ModelShape&, const Shard&, Pass);  // empty without shared experts
// Work depends on the rows routed here (Kernel::flops_per_row); rows are tokens x top-k copies
// after dispatch. Sort by expert and back (none with one local expert), fc1, SwiGLU with the gate's
// weight, fc2.
Kernels expert_ops(const ModelShape&, const Shard&, Pass);
Kernels combine_ops(const ModelShape&, const Shard&,
                    Pass);  // unpermute (sum of a token's copies), residual
Kernels output_ops(const ModelShape&, const Shard&, Pass);  // final norm, logits, cross-entropy
// The part of a multi-token-prediction layer beyond a transformer layer: norms of the embedding and
// of the hidden state, and the projection of the two side by side. Embedding, transformer layer
// (index
// >= shape.layers) and output_ops are the caller's to add.
Kernels mtp_projection_ops(const ModelShape&, const Shard&, Pass);
// Adam on the parameters that this rank's optimizer shard holds (fp32 master, two moments), and the
// norm and clipping of their gradients.
Kernels optimizer_ops(double parameters, double gradient_bytes_per_parameter,
                      double moment_bytes = 4, int norm_passes = 1);
// Passes over the gradients of all parameters that this rank holds: SoftwareCost::gradient_passes.
Kernels gradient_pass_ops(double parameters, double gradient_bytes_per_parameter, int passes);
// Quantising this rank's GEMM weights, once a step, after the optimizer; empty in bf16.
Kernels weight_cast_ops(double parameters, PrecisionRecipe recipe);

// Returns the bytes of one hidden vector on the wire of dispatch or combine.
double token_bytes(const ModelShape&, PrecisionRecipe wire);

// Returns the model FLOPs of a step over these sequences, forward and backward, without
// recomputation, logits included, causal attention counted as half: Megatron-LM's formula
// (megatron/training/training.py num_floating_point_operations).
double model_flops(const ModelShape&, int64_t sequences, int64_t sequence_length);
// Returns one layer's part of it: multiply-adds of the forward pass per token.
double layer_macs(const ModelShape&, int layer, int64_t sequence_length);

// Returns the keys that the queries of one sequence look at, summed: half the square under the
// causal mask, a band with a window (0: none), as Megatron-LM counts them.
double attended_keys(int64_t sequence_length, int window);
// Forward FLOPs of a Gated DeltaNet layer per token apart from its two projections: convolution,
// then the recurrence.
double linear_convolution_flops(const ModelShape&);
double linear_scan_flops(const ModelShape&);

}  // namespace moesim
