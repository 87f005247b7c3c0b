// Counts what a training framework's own code keeps in device memory beside the tensors that the
// mathematics needs. A framework's profile sets it (scenarios/frameworks/); the values here are
// those of code that keeps nothing of its own.
#pragma once

namespace moesim {

struct FrameworkMemory {
  // A bf16 gradient that nobody reads, one for each distinct shape of weights, kept for the life of
  // the process: of linear layers, and of the experts' grouped ones.
  bool weight_gradient_buffers = false;
  bool expert_gradient_buffers = false;
  // The same of the output layer, while its backward runs.
  bool output_gradient_buffer = false;
  // Per logit, alive at once in the loss: 2, a fused loss that writes the gradient over bf16
  // logits; 6, an fp32 copy beside them; 10, a second one for its gradient.
  double loss_bytes = 2;
  // Per logit, kept from the loss to its backward: 2, the gradient; 4, an fp32 softmax.
  double saved_loss_bytes() const { return loss_bytes < 4 ? loss_bytes : 4; }
  // MLA: values, and what attention returns, are padded to the width of the keys.
  bool padded_values = false;
  // Context parallelism by all-to-all: the output of attention is saved on both sides of it.
  bool saves_exchanged_attention = false;
  // The gate's weights are applied after the experts, whose output is then saved.
  bool saves_expert_output = false;
  // Per element of a layer's matrices: quantised copies beside the weights themselves.
  double quantized_weight_bytes = 0;
  // ZeRO 3: bytes of a weight's shard beside its fp32 master, whole layers that are gathered at
  // once, and bytes of a whole layer's gradient until it is reduced.
  double sharded_parameter_bytes = 2;
  int gathered_layers = 2;
  double reduced_gradient_bytes = 2;
  // ZeRO 3: weights stay whole between passes; whole bf16 gradients of all layers are summed over
  // the microbatches and reduced with the last.
  bool keeps_gathered = false;
  bool sums_whole_gradients = false;
  // Bytes that the caching allocator holds over those in use.
  double fragmentation = 1;
};

}  // namespace moesim
