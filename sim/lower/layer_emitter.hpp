// Lowers transformer layers, embedding and loss of one block into its template, forward and
// backward.
#pragma once

#include <functional>
#include <vector>

#include "lower/collectives.hpp"
#include "lower/step_context.hpp"
#include "lower/template_builder.hpp"

namespace moesim {

// A piece of a block's emission. After a cut, expert-parallel communication is on its way, and a
// block that overlaps two microbatches lets the other one compute.
struct EmitStep {
  std::function<void()> emit;
  bool cut = false;
};
using EmitSteps = std::vector<EmitStep>;
// The two lanes in turn, the backward first, changing over at every cut. Each turn costs the host
// `piece_s`.
void emit_overlapped(TemplateBuilder& builder, const EmitSteps& forward, const EmitSteps& backward,
                     double piece_s);
void emit_all(const EmitSteps& steps);

// Where a block's backward computes the gradients of weights.
enum class WeightGradients {
  with_data,             // right after the input gradients of the same operator, as autograd does
  beside_communication,  // while gradients travel (DualPipe; Megatron-LM --delay-wgrad-compute)
  elsewhere,             // in a block of their own (zero bubble)
};

// `local` is the layer's number within the template, `layer` a layer of the model of the same
// class.
class LayerEmitter {
 public:
  LayerEmitter(const StepContext& context, TemplateBuilder& builder, int first_rank,
               WeightGradients weights = WeightGradients::with_data, bool overlapped = false)
      : context_(context),
        builder_(builder),
        first_rank_(first_rank),
        weights_(weights),
        overlapped_(overlapped) {}

  void embedding(Phase phase, int local = 0);
  EmitSteps forward(int layer, int local, Phase phase = Phase::forward);
  EmitSteps backward(int layer, int local);  // with the recomputation that the plan asks for
  void loss(int local, Phase phase);
  // What a backward elsewhere left out.
  void weight_gradients(int layer, int local);
  // Computes weight gradients that still wait for communication to hide.
  void flush_weight_gradients();

 private:
  using OpsOf = Kernels (*)(const ModelShape&, const Shard&, Pass);

  // Kernels of the phase: forward (also when recomputing), gradients of inputs (with those of
  // weights unless they are computed elsewhere or later), gradients of weights.
  Kernels of(OpsOf ops, Phase phase) const;
  Kernels of_passes(const std::function<Kernels(Pass)>& ops, Phase phase) const;
  void delay(std::function<void()>
                 weight_gradients);  // nothing unless they are computed beside communication
  Kernels around_dispatch(OpsOf ops, Phase phase) const;  // router_ops or combine_ops
  void attention_forward(int layer, int local, Phase phase);
  void attention_backward(int layer, int local);
  void attention_weight_gradients(int layer, int local);
  void expert_weight_gradients(int local);
  void attention_core(const Kernels& kernels, double kv_bytes, int local, Phase phase);
  EmitSteps moe_forward(int local, Phase phase);
  EmitSteps moe_backward(int local);
  void dense_ffn(int local, Phase phase);
  void recompute_selected(int layer, int local);
  void shared_experts(int local, Phase phase);
  void experts(ExpertKernels list, int local, Phase phase);
  Transfer dispatcher_transfer(const std::vector<int>& group, double bytes,
                               bool beside_compute) const;
  void gather_tokens(const char* op, int local, Phase phase, bool reverse, PrecisionRecipe wire,
                     const std::function<void()>& beside);
  void prepare_dispatch(int local, Phase phase);
  void route(const char* op, int local, Phase phase, bool reverse, PrecisionRecipe wire,
             const std::function<void()>& beside = nullptr);
  void enter_tensor_region(int local, Phase phase);
  void leave_tensor_region(int local, Phase phase);
  Transfer equal_collective(CollectiveKind kind, const std::vector<int>& group, double bytes) const;
  void tensor_collective(CollectiveKind kind, const char* op, int local, Phase phase);

  const StepContext& context_;
  TemplateBuilder& builder_;
  int first_rank_;
  WeightGradients weights_;
  bool overlapped_;  // the block has two lanes: whatever travels does so beside compute
  std::vector<std::function<void()>> delayed_;
};

}  // namespace moesim
