// The routed part of a mixture-of-experts layer: router and permutation where the tokens live,
// experts where the rows arrive, combination back where the tokens live.
#include <algorithm>
#include <utility>

#include "model/kernel_builders.hpp"
#include "model/layer_ops.hpp"
#include "model/mixer_ops.hpp"

namespace moesim {
namespace {

double local_elements(const ModelShape& shape, const Shard& shard) {
  return shard.local_tokens() * shape.hidden;
}

// The gate multiplies in bf16 and hands out fp32 logits (Megatron-LM --moe-router-dtype fp32 with
// the fused gating GEMM); never quantised.
void add_gate(Kernels& kernels, const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels gate;
  const double hidden = shape.hidden, experts = shape.experts + shape.zero_experts;
  add_linear(gate, {Op::router, shard.local_tokens(), hidden, experts}, pass,
             PrecisionRecipe::bf16);
  const double logits = shard.local_tokens() * experts;
  for (Kernel& kernel : gate) kernel.bytes += (fp32_bytes - bf16_bytes) * logits;
  append(kernels, gate);
}

// Scores, selection, the dense map of chosen experts and weights, tokens per expert and the
// balancing loss: small kernels over tokens x experts fp32 values. Their number and passes are
// those of Megatron-Core's unfused router (general knowledge); choosing groups first (node-limited
// routing) adds a second selection and a mask.
void add_top_k(Kernels& kernels, const ModelShape& shape, const Shard& shard, Pass pass) {
  if (pass == Pass::backward_weight) return;
  const double scores = shard.local_tokens() * shape.experts;
  const bool grouped = shape.n_group > 1;
  const double passes = pass == Pass::forward ? 6 + (grouped ? 4 : 0) : 4;
  const int launches = pass == Pass::forward ? 6 + (grouped ? 4 : 0) : 4;
  kernels.push_back(memory_kernel(Op::top_k, pass, passes * fp32_bytes * scores, launches));
  // Views, index arithmetic and the auxiliary loss are small operators that cost the host as much
  // as large ones.
  kernels.back().host_launches = shard.software.router_launch_factor * launches;
}

// Both directions: tokens on one side, their top_k copies on the other.
double copies_bytes(const ModelShape& shape, const Shard& shard) {
  return bf16_bytes * shard.local_tokens() * expert_width(shape) * (1 + shape.top_k);
}

// The way into the experts' narrower space, or out of it.
void add_latent(Kernels& kernels, const ModelShape& shape, bool inwards, const Shard& shard,
                Pass pass) {
  if (shape.moe_latent == 0) return;
  const double hidden = shape.hidden, latent = shape.moe_latent;
  const Projection in = {hidden, latent, false}, out = {latent, hidden, false};
  add_projection(kernels, inwards ? in : out, Op::router, Cut::out, shard, pass);
}

// Experts with biases. The second one, which the experts' probabilities multiply, is added outside
// of the GEMM in fp32 (Megatron-Core's TEGroupedMLP._apply_bias: outer product, sum, concatenation,
// cast back): 28 bytes an element of the output forward, 36 backward, counted. With a GEMM per
// expert, clamp, gate and first bias run as separate operators too.
double bias_bytes(const Shard& shard, Pass pass) {
  const SoftwareCost counted, &cost = shard.kernels_per_expert ? shard.software : counted;
  return pass == Pass::forward ? cost.expert_bias_forward_bytes : cost.expert_bias_backward_bytes;
}

// Unfused, permutation is index arithmetic and then a gather, or a scatter-add over zeros.
Kernels with_permutation(Kernels kernels, const Shard& shard) {
  if (!shard.unfused_permutation) return kernels;
  for (Kernel& kernel : kernels) {
    if (kernel.op != Op::permute && kernel.op != Op::unpermute) continue;
    kernel.bytes *= shard.software.permutation_factor;
    kernel.bytes_per_row *= shard.software.permutation_factor;
    kernel.launches *= shard.software.permutation_factor;
  }
  return kernels;
}

}  // namespace

Kernels router_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  if (pass == Pass::forward) {
    add_norm(kernels, local_elements(shape, shard), pass);
    add_gate(kernels, shape, shard, pass);
    add_top_k(kernels, shape, shard, pass);
    add_latent(kernels, shape, true, shard, pass);
    kernels.push_back(
        memory_kernel(Op::permute, pass, copies_bytes(shape, shard), 2));  // row map, then the copy
    kernels.back().host_launches = shard.software.dispatch_launches;
    return with_permutation(std::move(kernels), shard);
  }
  if (pass == Pass::backward_data) {
    kernels.push_back(memory_kernel(Op::permute, pass, copies_bytes(shape, shard)));
    add_latent(kernels, shape, true, shard, pass);
    add_top_k(kernels, shape, shard, pass);
  } else {
    add_latent(kernels, shape, true, shard, pass);
    add_latent(kernels, shape, false, shard, pass);
  }
  add_gate(kernels, shape, shard, pass);
  if (pass == Pass::backward_data) {
    // Gradients of the two users of the normed tokens meet.
    kernels.push_back(
        memory_kernel(Op::router, pass, 3 * bf16_bytes * local_elements(shape, shard)));
    add_norm(kernels, local_elements(shape, shard), pass);
    add_residual(kernels, local_elements(shape, shard), pass);
  }
  return with_permutation(std::move(kernels), shard);
}

Kernels expert_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  const int groups = std::max(1, shard.local_experts);
  const double hidden = expert_width(shape), width = shape.moe_ffn / shard.etp;
  const Linear fc1 = {Op::expert_fc1, 0, hidden, width * (shape.gated_ffn ? 2 : 1),
                      shape.expert_bias};
  const Linear fc2 = {Op::expert_fc2, 0, width, hidden, shape.expert_bias};
  const bool forward = pass == Pass::forward, sorts = groups > 1 && pass != Pass::backward_weight;
  const double copy_bytes = 2 * bf16_bytes * hidden;
  if (sorts) kernels.push_back(row_kernel(forward ? Op::permute : Op::unpermute, pass, copy_bytes));
  const bool per_expert = shard.kernels_per_expert;
  const auto add_second_bias = [&] {
    if (!shape.expert_bias || pass == Pass::backward_weight) return;
    kernels.push_back(row_kernel(Op::expert_fc2, pass, bias_bytes(shard, pass) * hidden,
                                 (forward ? 3 : 4) * (per_expert ? groups : 1)));
  };
  if (!forward) add_second_bias();
  add_grouped_linear(kernels, forward ? fc1 : fc2, groups, pass, shard.recipe, per_expert);
  if (pass != Pass::backward_weight) {
    // The gate's weight of a row multiplies the activation (Megatron-Core's weighted SwiGLU): one
    // fp32 more, each way.
    const double bytes = activation_bytes(shape.gated_ffn, width, pass) + fp32_bytes;
    kernels.push_back(
        unfused(row_kernel(Op::expert_activation, pass, bytes), shard.software.activation_factor));
  }
  add_grouped_linear(kernels, forward ? fc2 : fc1, groups, pass, shard.recipe, per_expert);
  if (forward) add_second_bias();
  if (sorts) kernels.push_back(row_kernel(forward ? Op::unpermute : Op::permute, pass, copy_bytes));
  return with_permutation(std::move(kernels), shard);
}

Kernels combine_ops(const ModelShape& shape, const Shard& shard, Pass pass) {
  Kernels kernels;
  if (pass == Pass::backward_weight) return with_permutation(std::move(kernels), shard);
  if (pass == Pass::backward_data) add_latent(kernels, shape, false, shard, pass);
  kernels.push_back(memory_kernel(Op::unpermute, pass, copies_bytes(shape, shard)));
  if (pass == Pass::forward) add_latent(kernels, shape, false, shard, pass);
  if (pass == Pass::forward) add_residual(kernels, local_elements(shape, shard), pass);
  return with_permutation(std::move(kernels), shard);
}

double token_bytes(const ModelShape& shape, PrecisionRecipe wire) {
  return expert_width(shape) * operand_bytes(wire);
}

}  // namespace moesim
