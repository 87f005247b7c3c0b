// Counts what a layer, and the output layer with its loss, need beyond what they save.
#include <algorithm>
#include <set>
#include <utility>

#include "model/kernel_builders.hpp"
#include "model/memory.hpp"
#include "model/parameters.hpp"

namespace moesim {
namespace {

WorkMoment fuller(const WorkMoment& a, const WorkMoment& b) { return b.bytes > a.bytes ? b : a; }

// One copy of the hidden states in bf16: as norms see them, and as GEMMs do.
double local_hidden(const ModelShape& shape, const Shard& shard) {
  return bf16_bytes * shard.local_tokens() * shape.hidden;
}
double gathered_hidden(const ModelShape& shape, const Shard& shard) {
  return shard.sequence_parallel ? bf16_bytes * shard.gemm_tokens() * shape.hidden : 0;
}

// Bytes of hidden activations of an FFN, from fc1's output (twice as wide where it is gated) to
// fc2's input.
struct FfnBytes {
  double hidden = 0, activation = 0;
};

FfnBytes ffn_gradients(const ModelShape& shape, double rows, double width) {
  return {bf16_bytes * rows * width * (shape.gated_ffn ? 2 : 1), bf16_bytes * rows * width};
}

// Backward of SwiGLU: gradients of its output and of its input beside what both saved; fc2 has
// freed its input.
WorkMoment ffn_backward(const ModelShape& shape, const Shard& shard, double width, const char* op) {
  const FfnBytes gradients = ffn_gradients(shape, shard.gemm_tokens(), width / shard.tp);
  const double freed = gradients.activation / bf16_bytes * operand_bytes(shard.recipe);
  const double activation =
      local_hidden(shape, shard) + gradients.hidden + gradients.activation - freed;
  const double fc2 =
      local_hidden(shape, shard) + gathered_hidden(shape, shard) + gradients.activation;
  return {op, std::max(activation, fc2)};
}

// Each step of the way back through combine leaves a new tensor of rows, and so does each on the
// way through the experts and dispatch.
WorkMoment routed_backward(const ModelShape& shape, const Shard& shard, double rows) {
  const double row_bytes = bf16_bytes * rows * shape.hidden;
  const FfnBytes gradients =
      ffn_gradients(shape, rows, static_cast<double>(shape.moe_ffn) / shard.etp);
  const double freed = gradients.activation / bf16_bytes * operand_bytes(shard.recipe);
  const WorkMoment combine{"combine", local_hidden(shape, shard) + 2 * row_bytes};
  const WorkMoment experts{"experts", local_hidden(shape, shard) + row_bytes + gradients.hidden +
                                          gradients.activation - freed};
  return fuller(combine, experts);
}

// Gradients of queries, keys, values and of what attention returned; the FFN's part of the layer
// has been freed by then.
WorkMoment attention_backward(const ModelShape& shape, const Shard& shard,
                              const ActivationBytes& saved) {
  const double ffn = saved.dense_ffn + saved.shared_expert + saved.router + saved.expert_input +
                     saved.expert_hidden + saved.expert_activation + saved.expert_output;
  return {"attention",
          local_hidden(shape, shard) + saved.query_key_value + saved.attention_output - ffn};
}

}  // namespace

LayerWork layer_work(const ModelShape& shape, int layer, const Shard& shard,
                     const RecomputePolicy& policy, double rows) {
  const ActivationBytes all = layer_activations(shape, layer, shard, {}, rows);
  const double made_again = all.total() - layer_activation_bytes(shape, layer, shard, policy, rows);
  const bool routed = has_experts(shape, layer);
  LayerWork work;
  work.backward = attention_backward(shape, shard, all);
  if (routed) {
    if (shape.shared_ffn > 0)
      work.backward =
          fuller(work.backward, ffn_backward(shape, shard, shape.shared_ffn, "shared experts"));
    work.backward = fuller(work.backward, routed_backward(shape, shard, rows));
    work.forward = {"combine", local_hidden(shape, shard) + 2 * bf16_bytes * rows * shape.hidden};
  } else {
    work.backward = fuller(work.backward, ffn_backward(shape, shard, shape.dense_ffn, "dense FFN"));
    work.forward = {"dense FFN", local_hidden(shape, shard) + gathered_hidden(shape, shard)};
  }
  work.backward.bytes += made_again;
  return work;
}

OutputMemory output_memory(const ModelShape& shape, const Shard& shard) {
  const FrameworkMemory& framework = shard.memory;
  const double logits = shard.gemm_tokens() * shape.vocab / shard.tp;
  const double norms = 2 * local_hidden(shape, shard);
  const double saved_loss = framework.saved_loss_bytes() * logits;
  OutputMemory output;
  output.saved = norms + saved_loss;
  output.forward = {"loss", framework.loss_bytes * logits - saved_loss};
  // The loss's backward has turned what it saved into the gradient of the logits.
  const double buffer =
      framework.output_gradient_buffer
          ? bf16_bytes * static_cast<double>(shape.vocab) / shard.tp * shape.hidden
          : 0;
  const double hidden = local_hidden(shape, shard) + 2 * gathered_hidden(shape, shard);
  output.projection = {"logits", bf16_bytes * logits - saved_loss + buffer + hidden};
  output.backward = fuller(output.forward, output.projection);
  return output;
}

double gradient_buffer_bytes(const ModelShape& shape, std::span<const int> layers,
                             const Shard& shard) {
  std::set<std::pair<double, double>> weights;
  const double hidden = shape.hidden;
  const auto ffn = [&](double width) {
    weights.insert({hidden, (shape.gated_ffn ? 2 : 1) * width});
    weights.insert({width, hidden});
  };
  for (const int layer : layers) {
    const double heads = static_cast<double>(shape.heads) / shard.tp;
    if (shard.memory.weight_gradient_buffers && !is_linear_attention(shape, layer)) {
      if (shape.attention == AttentionKind::mla) {
        const double query = heads * (shape.qk_nope_dim + shape.qk_rope_dim);
        if (shape.q_lora_rank > 0) weights.insert({hidden, shape.q_lora_rank});
        weights.insert({shape.q_lora_rank > 0 ? shape.q_lora_rank : hidden, query});
        weights.insert({hidden, shape.kv_lora_rank + shape.qk_rope_dim});
        weights.insert({shape.kv_lora_rank, heads * (shape.qk_nope_dim + shape.v_dim)});
        weights.insert({heads * shape.v_dim, hidden});
      } else {
        const double keys = std::max(1.0, static_cast<double>(shape.kv_heads) / shard.tp);
        weights.insert(
            {hidden, (heads * (shape.attention_gate ? 2 : 1) + 2 * keys) * shape.head_dim});
        weights.insert({heads * shape.head_dim, hidden});
      }
    }
    const bool routed = has_experts(shape, layer);
    if (shard.memory.weight_gradient_buffers && !routed)
      ffn(static_cast<double>(shape.dense_ffn) / shard.tp);
    if (shard.memory.weight_gradient_buffers && routed && shape.shared_ffn > 0)
      ffn(static_cast<double>(shape.shared_ffn) / shard.tp);
    if (shard.memory.expert_gradient_buffers && routed)
      ffn(static_cast<double>(shape.moe_ffn) / shard.etp);
  }
  double bytes = 0;
  for (const auto& [rows, columns] : weights) bytes += bf16_bytes * rows * columns;
  return bytes;
}

}  // namespace moesim
