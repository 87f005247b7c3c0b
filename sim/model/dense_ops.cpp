// The operators of a dense transformer besides attention: embedding, FFN, logits and loss; also
// shared experts, which are an FFN that every token takes, and the projection of multi-token
// prediction.
#include "model/kernel_builders.hpp"
#include "model/layer_ops.hpp"

namespace moesim {
namespace {

double local_elements(const ModelShape& shape, const Shard& shard) {
  return shard.local_tokens() * shape.hidden;
}

// fc1, activation, fc2 of width `ffn` in all, cut by tp; in the reverse order backward.
void add_ffn(Kernels& kernels, Op op, const ModelShape& shape, int ffn, const Shard& shard,
             Pass pass) {
  const double hidden = shape.hidden, width = ffn / shard.tp, tokens = shard.gemm_tokens();
  const Linear fc1 = {op, tokens, hidden, width * (shape.gated_ffn ? 2 : 1)};
  const Linear fc2 = {op, tokens, width, hidden};
  const bool forward = pass == Pass::forward;
  add_linear(kernels, forward ? fc1 : fc2, pass, shard.recipe);
  const double bytes = activation_bytes(shape.gated_ffn, width, pass) * tokens;
  const double factor = shard.software.activation_factor;
  if (bytes > 0) kernels.push_back(unfused(memory_kernel(op, pass, bytes), factor));
  add_linear(kernels, forward ? fc2 : fc1, pass, shard.recipe);
}

}  // namespace

Kernels embedding_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  const double elements = shard.gemm_tokens() * shape.hidden;
  // Gather of rows; its weight gradient sorts the tokens and adds rows into the fp32 main gradient.
  if (pass == Pass::forward)
    kernels.push_back(memory_kernel(Op::embedding, pass, 2 * bf16_bytes * elements));
  if (pass == Pass::backward_weight) {
    kernels.push_back(
        memory_kernel(Op::embedding, pass, (bf16_bytes + 2 * fp32_bytes) * elements, 4));
  }
  return kernels;
}

Kernels dense_ffn_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  if (pass == Pass::forward) add_norm(kernels, local_elements(shape, shard), pass);
  add_ffn(kernels, Op::dense_ffn, shape, shape.dense_ffn, shard, pass);
  if (pass == Pass::backward_data) add_norm(kernels, local_elements(shape, shard), pass);
  add_residual(kernels, local_elements(shape, shard), pass);
  return kernels;
}

Kernels shared_expert_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  if (shape.shared_ffn == 0) return kernels;
  add_ffn(kernels, Op::shared_expert, shape, shape.shared_ffn, shard, pass);
  if (pass == Pass::backward_weight) return kernels;
  const double elements = local_elements(shape, shard);
  // The gate is one dot product per token and a scaling; then the sum with the routed experts'
  // output (backward: the sum of both gradients of the shared input).
  if (shape.shared_gate)
    kernels.push_back(memory_kernel(Op::shared_expert, pass, 3 * bf16_bytes * elements, 3));
  kernels.push_back(memory_kernel(Op::shared_expert, pass, 3 * bf16_bytes * elements));
  return kernels;
}

// Logits and their gradient are kept in bf16. The loss is TransformerEngine's fused cross-entropy,
// which the published Megatron-Bridge recipes use: two passes over the logits (maximum and sum;
// then the gradient, in place), so that the backward has only to scale it.
Kernels output_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  const double hidden = shape.hidden, vocab = shape.vocab / shard.tp;
  const double logits = shard.gemm_tokens() * vocab;
  const Linear projection = {Op::logits, shard.gemm_tokens(), hidden, vocab};
  const PrecisionRecipe recipe = shard.quantized_output ? shard.recipe : PrecisionRecipe::bf16;
  if (pass == Pass::forward) {
    add_norm(kernels, local_elements(shape, shard), pass);
    add_linear(kernels, projection, pass, recipe);
    kernels.push_back(
        memory_kernel(Op::cross_entropy, pass, shard.software.loss_forward_bytes * logits, 2));
    return kernels;
  }
  if (pass == Pass::backward_data) {
    kernels.push_back(
        memory_kernel(Op::cross_entropy, pass, shard.software.loss_backward_bytes * logits));
  }
  add_linear(kernels, projection, pass, recipe);
  if (pass == Pass::backward_data) add_norm(kernels, local_elements(shape, shard), pass);
  return kernels;
}

Kernels mtp_projection_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  const double elements = local_elements(shape, shard);
  const double width = shape.hidden / shard.tp;
  const Linear projection = {Op::other, shard.gemm_tokens(), 2.0 * shape.hidden, width};
  const auto add_norms_and_pairing = [&] {
    if (pass == Pass::backward_weight) return;
    add_norm(kernels, elements, pass);
    add_norm(kernels, elements, pass);
    kernels.push_back(memory_kernel(Op::other, pass, 2 * bf16_bytes * 2 * elements));
  };
  if (pass == Pass::forward) add_norms_and_pairing();
  add_linear(kernels, projection, pass, shard.recipe);
  if (pass != Pass::forward) add_norms_and_pairing();
  return kernels;
}

}  // namespace moesim
