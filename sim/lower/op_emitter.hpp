// Adds single operators of a layer to a template: their kernels in the passes that a phase takes,
// the collectives around a tensor-parallel region, and weight gradients that are put off. The
// emitters of layers put them in order.
#pragma once

#include <functional>
#include <vector>

#include "lower/collectives.hpp"
#include "lower/step_context.hpp"
#include "lower/template_builder.hpp"

namespace moesim {

// Where a block's backward computes the gradients of weights.
enum class WeightGradients {
  with_data,             // right after the input gradients of the same operator, as autograd does
  beside_communication,  // while gradients travel (DualPipe; Megatron-LM --delay-wgrad-compute)
  elsewhere,             // in a block of their own (zero bubble)
};

// `local` is a layer's number within the template.
class OpEmitter {
 public:
  using OpsOf = Kernels (*)(const ModelShape&, const Shard&, Pass);

  OpEmitter(const StepContext& context, TemplateBuilder& builder, int first_rank,
            WeightGradients weights)
      : context_(context), builder_(builder), first_rank_(first_rank), weights_(weights) {}

  WeightGradients weights() const { return weights_; }

  // Returns the kernels of a phase: forward (also when recomputing), gradients of inputs (with
  // those of weights if they are computed with the data), gradients of weights.
  Kernels of_passes(const std::function<Kernels(Pass)>& ops, Phase phase) const;
  Kernels of(OpsOf ops, Phase phase) const;
  void compute(OpsOf ops, int local, Phase phase) {
    builder_.compute(of(ops, phase), local, phase);
  }

  // Puts weight gradients off until flush_weight_gradients(), where they are computed beside
  // communication; otherwise does nothing.
  void delay(std::function<void()> weight_gradients);
  void delay_weights_of(OpsOf ops, int local);
  void flush_weight_gradients();

  // Returns a collective in which every member of the group has the same buffer.
  Transfer equal_collective(CollectiveKind kind, const std::vector<int>& group, double bytes) const;
  // Emits a backward whose weight gradients need the whole input again, gathered while the data
  // gradients are computed; without that, the same as compute().
  void compute_gathering(const std::function<Kernels(Pass)>& ops, int local);

  // Collectives at the edges of a tensor-parallel region, if there is one.
  void enter_tensor_region(int local, Phase phase);
  void leave_tensor_region(int local, Phase phase);

 private:
  void tensor_collective(CollectiveKind kind, const char* op, int local, Phase phase);

  const StepContext& context_;
  TemplateBuilder& builder_;
  int first_rank_;
  WeightGradients weights_;
  std::vector<std::function<void()>> delayed_;
};

}  // namespace moesim
