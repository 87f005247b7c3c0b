// FLOPs, bytes and shapes of every operator of a training step on one rank, forward, backward-data and backward-weight.
// Takes the model and how a rank's share is cut; gives kernels in launch order; knows nothing of time or networks.
#pragma once

#include <cstdint>
#include <vector>

#include "model/kernel.hpp"
#include "model/shape.hpp"

namespace moesim {

// How FP8 operands are scaled: decides which casts run (docs/MODEL.md, "Precision").
enum class PrecisionRecipe : uint8_t { bf16, fp8_delayed, fp8_current, fp8_block, mxfp8, nvfp4 };
Precision gemm_precision(PrecisionRecipe recipe);

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

  // Tokens entering GEMMs of attention, and tokens that norms and the router see.
  int64_t gemm_tokens() const { return sequences * sequence_length / cp; }
  int64_t local_tokens() const { return gemm_tokens() / (sequence_parallel ? tp : 1); }
};

using Kernels = std::vector<Kernel>;

// In each, `pass` selects the kernels of that pass only. backward_data of an operator that has no weights holds its
// whole backward. Casts belong to the GEMM that needs them.
Kernels embedding_ops(const ModelShape&, const Shard&, Pass);
Kernels attention_in_ops(const ModelShape&, int layer, const Shard&, Pass);    // norm, QKV or MLA projections, rope
Kernels attention_core_ops(const ModelShape&, int layer, const Shard&, Pass);  // softmax(QK^T)V, backward is 2.5x
Kernels attention_out_ops(const ModelShape&, int layer, const Shard&, Pass);   // output projection, residual
Kernels dense_ffn_ops(const ModelShape&, const Shard&, Pass);                  // norm, FFN, residual
Kernels router_ops(const ModelShape&, const Shard&, Pass);                     // norm, gate GEMM, top-k, permute
Kernels shared_expert_ops(const ModelShape&, const Shard&, Pass);              // empty without shared experts
// Work depends on the rows routed here (Kernel::flops_per_row); rows are tokens x top-k copies after dispatch.
Kernels expert_ops(const ModelShape&, const Shard&, Pass);   // sort by expert, fc1, SwiGLU, fc2
Kernels combine_ops(const ModelShape&, const Shard&, Pass);  // unpermute, weighted sum, residual
Kernels output_ops(const ModelShape&, const Shard&, Pass);   // final norm, logits, cross-entropy
// Adam on so many parameters held by this rank's optimizer shard (fp32 master, two moments), plus gradient norm/clip.
Kernels optimizer_ops(double parameters, double gradient_bytes_per_parameter);

// Bytes one token occupies on the wire in the dispatch and combine of one hidden vector.
double token_bytes(const ModelShape&, PrecisionRecipe wire);

// Model FLOPs of one step over so many sequences, forward + backward, no recomputation, logits included, causal
// attention counted as half: Megatron-LM's formula (megatron/training/training.py num_floating_point_operations).
double model_flops(const ModelShape&, int64_t sequences, int64_t sequence_length);

}  // namespace moesim
